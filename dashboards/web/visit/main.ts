import '../kit/base.css';
import '../kit/phone.css';
import '../home/home.css';
import { mount } from 'svelte';
import { startLang } from '../kit/i18n.svelte';
import Screen from './Screen.svelte';

void startLang(true).then(() => {
  mount(Screen, { target: document.getElementById('app') as HTMLElement });
});
