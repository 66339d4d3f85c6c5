// Text that tries to be something else.

export const MARKUP = '<img src=x onerror="window.attacked=1"><script>window.attacked=1</script><svg onload=window.attacked=1>';
export const BIDI = "access \u202E\u2066// admin only\u2069 \u2066";
export const ZERO_WIDTH = "pay\u200Bpal\u200D\uFEFF";
export const ANSI = "\u001b[2J\u001b[1;31mfine\u001b[0m\u0007";
export const LOOK_ALIKE = "cr\u043C"; // crm with a Cyrillic letter
export const LINK = "javascript:window.attacked=1";
export const TEMPLATE = "{{constructor.constructor('window.attacked=1')()}}";
export const BREAKOUT = '"></textarea></title></style><script>window.attacked=1</script>';
export const ALL = [MARKUP, BIDI, ZERO_WIDTH, ANSI, LINK, TEMPLATE, BREAKOUT].join(" | ");
