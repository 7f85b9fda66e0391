/** Starts the page. */
import { render } from 'preact';
import { App } from './app.tsx';
import { startLive } from './live.ts';
import { startTheme } from './theme.ts';
import './style.css';

startTheme();
startLive();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
