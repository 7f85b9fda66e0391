/** Starts the page. */
import { render } from 'preact';
import { App } from './app.tsx';
import { startPreferences } from './preferences.ts';
import { startLive } from './live.ts';
import { startTheme } from './theme.ts';
import './style.css';

startTheme();
startPreferences();
startLive();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
