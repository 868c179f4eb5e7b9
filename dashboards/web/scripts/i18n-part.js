// Leaves in the message files of a build only what its pages can say, so that an old
// phone does not load the desk's words. A message that is named in a page but not kept
// here is found by test/unit/phone.test.ts.
const rooms = ['app', 'lang', 'signin', 'state', 'common', 'home', 'visit', 'request', 'nav', 'charge', 'warning'];
const errors = ['unknown', 'network', 'timeout', 'server', 'not_found', 'too_many', 'auth', 'home', 'access', 'visit', 'request', 'conflict', 'call', 'charging', 'alarm.life_safety'];

export const kept = (key) => {
  const [room, ...rest] = key.split('.');
  return room === 'error' ? errors.some((e) => rest.join('.') === e || rest.join('.').startsWith(`${e}.`)) : rooms.includes(room);
};

export const phoneMessages = {
  name: 'dongyue-phone-messages',
  enforce: 'pre',
  transform(code, id) {
    if (!/\/i18n\/(zh-Hans|zh-Hant|en)\.json$/.test(id.split('?')[0])) return;
    return { code: JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(code)).filter(([k]) => kept(k)))), map: null };
  },
};
