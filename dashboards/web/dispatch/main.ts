import '../kit/base.css';
import '../kit/video/element';
import { mount } from 'svelte';
import { startLang } from '../kit/i18n.svelte';
import App from './App.svelte';
import './desk.css';

await startLang();
mount(App, { target: document.getElementById('app') as HTMLElement });
