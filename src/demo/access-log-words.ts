/** What visitors of a web shop ask for, where from and with what: the raw material of access-log.ts, the commonest first. */

/** In the order of how often they are asked for. `#` is a number, `@` a token, both drawn for each line. */
export const REQUESTS = [
  'GET /static/img/products/#/thumb_240.webp',
  'GET /api/v2/products/#?fields=price,stock&session=@',
  'GET /products/#',
  'GET /api/v2/cart?session=@',
  'GET /static/img/products/#/large_1200.webp',
  'GET /search?q=winter%20jacket&page=#&sid=@',
  'GET /static/js/app.8f3a1c9e.js',
  'GET /',
  'POST /api/v2/events?client=@&seq=#',
  'GET /static/css/main.51d0b7aa.css',
  'GET /category/shoes/running?sort=price_asc&offset=#',
  'GET /api/v2/recommendations?product=#&user=#&variant=b',
  'GET /search?q=stra%C3%9Fenschuhe%20gr%C3%B6%C3%9Fe%2042&page=#',
  'GET /favicon.ico',
  'POST /api/v2/cart/items?session=@&sku=#',
  'GET /category/garden/tools?utm_source=newsletter&utm_campaign=autumn_2026&click=@',
  'GET /search?q=%E9%9B%A8%E9%9D%B4&lang=zh&sid=@',
  'GET /account/orders/#',
  'GET /blog/2026/11/how-to-choose-a-tent?ref=#',
  'POST /login?next=%2Faccount%2Forders%2F#',
  'GET /healthz',
  'GET /robots.txt',
  'GET /checkout/address?cart=@&transaction_id=@',
  'POST /checkout/pay?cart=@&transaction_id=@',
  'HEAD /products/#',
  'GET /.env',
  'GET /wp-login.php',
  'GET /feeds/products.xml?since=#',
];

export const REFERERS = [
  'https://www.shop.example/',
  'https://www.shop.example/products/#',
  '-',
  'https://www.shop.example/category/shoes/running',
  'https://www.shop.example/search?q=winter%20jacket',
  'https://www.google.com/',
  'https://www.shop.example/category/garden/tools?offset=#',
  'https://www.shop.example/account/orders/#',
  'https://m.shop.example/',
  'https://www.bing.com/',
  'https://www.shop.example/search?q=stra%C3%9Fenschuhe',
  'https://duckduckgo.com/',
  'https://l.instagram.com/?u=https%3A%2F%2Fwww.shop.example%2Fproducts%2F#&e=@',
  'https://www.shop.example/checkout/address?cart=@',
  'android-app://com.google.android.googlequicksearchbox/',
];

export const AGENTS = [
  (n: number) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${118 + n}.0.0.0 Safari/537.36`,
  (n: number) =>
    `Mozilla/5.0 (iPhone; CPU iPhone OS 18_${n % 7} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.${n % 7} Mobile/15E148 Safari/604.1`,
  (n: number) =>
    `Mozilla/5.0 (Linux; Android ${10 + (n % 6)}; SM-S9${n}1B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${120 + n}.0.0.0 Mobile Safari/537.36`,
  (n: number) =>
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.${n % 9} Safari/605.1.15`,
  (n: number) => `Mozilla/5.0 (X11; Linux x86_64; rv:${115 + n}.0) Gecko/20100101 Firefox/${115 + n}.0`,
  (n: number) => `Mozilla/5.0 (compatible; Googlebot/2.${n % 3}; +http://www.google.com/bot.html)`,
  (n: number) => `ShopApp/5.${n}.2 (iOS 18.1; Scale/3.00) Alamofire/5.9.1`,
  (n: number) => `curl/8.${n}.0`,
];

export const STATUSES = [
  '200',
  '200',
  '200',
  '200',
  '304',
  '200',
  '301',
  '404',
  '302',
  '204',
  '499',
  '500',
  '403',
  '502',
];
