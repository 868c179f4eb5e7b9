/** The pages beside the desk, as they stand in the address: #/rules. */
export const pages = ['rules', 'report', 'rota', 'evidence', 'cameras', 'lighting', 'broadcasts', 'people', 'rights', 'doors', 'badges'] as const;
export type Page = (typeof pages)[number];

export const isPage = (x: string): x is Page => (pages as readonly string[]).includes(x);
