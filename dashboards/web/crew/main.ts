import '../kit/base.css';
import '../kit/phone.css';
import { mount } from 'svelte';
import { startLang } from '../kit/i18n.svelte';
import { update } from '../kit/update.svelte';
import App from './App.svelte';

await startLang();
mount(App, { target: document.getElementById('app') as HTMLElement });
update.start('crew');
