/** What vite makes of a style sheet: nothing that the code sees. */
declare module '*.css';
