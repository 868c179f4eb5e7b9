declare module 'opencc-js/dict/STCharacters' {
  /** "from to|from to|…" */
  const pairs: string;
  export default pairs;
}
