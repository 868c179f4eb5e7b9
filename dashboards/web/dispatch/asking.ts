/** What an action about an incident or an alarm asks the operator first. */
export type Note = 'assign' | 'comment' | 'close';
export type Ask = Note | 'shelve';
