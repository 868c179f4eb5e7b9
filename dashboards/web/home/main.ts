import '../kit/base.css';
import '../kit/phone.css';
import './home.css';
import { mount } from 'svelte';
import { startLang } from '../kit/i18n.svelte';
import App from './App.svelte';
import { update } from '../kit/update.svelte';

void startLang().then(() => {
  mount(App, { target: document.getElementById('app') as HTMLElement });
  update.start('home');
});
