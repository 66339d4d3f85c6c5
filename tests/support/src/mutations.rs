//! Texts that are almost scripts.

/// What is put in where a text is broken up.
pub const SCRAPS: &[&str] = &[
    "f\"",
    "f'",
    "f'''",
    "rf\"",
    "t\"",
    "b'",
    "'''",
    "\"\"\"",
    "{",
    "}",
    "{{",
    "}}",
    "{x!r:>{y}}",
    "(",
    ")",
    "[",
    "]",
    ":",
    ":=",
    "=",
    "==",
    "!",
    "\\",
    "\\\n",
    "\n",
    "\r",
    "\r\n",
    "\x0c",
    "\t",
    "    ",
    "#",
    "\0",
    "\u{feff}",
    "ｃｒｍ",
    "𝐜𝐫𝐦",
    "𝒆val",
    "\u{a0}",
    "\u{202e}",
    "é",
    "€",
    "lambda ",
    "lambda: ",
    "not ",
    "await ",
    "yield ",
    "match ",
    "case ",
    "type ",
    "match x:\n",
    "except A, B:\n",
    "except* ",
    "elif ",
    "else:\n",
    "class C:\n",
    "def f[T: int = 1](",
    "@",
    "*",
    "**",
    "->",
    "...",
    "1_",
    "0x",
    "1e",
    "1j",
    "0777",
    "99999999999999999999",
    "crm",
    "mail",
    "mcp",
    ".search",
    "(x=1)",
    "getattr",
    "type(x)",
    "__class__",
    "import crm",
    "from mcp import *",
    "global crm\n",
    "nonlocal crm\n",
    "del crm\n",
    "\\N{DASH}",
    "\\N{",
    "\\x",
    "\\u12",
    "\\777",
];

/// Breaks up `source` as the tape says: cuts, repeats, swaps, and puts scraps and parts of `other` in.
#[must_use]
pub fn mutate(source: &str, other: &str, tape: &[u32]) -> String {
    let mut text: Vec<char> = source.chars().collect();
    let other: Vec<char> = other.chars().collect();
    for step in tape.chunks_exact(4) {
        let place = |below: usize, choice: u32| if below == 0 { 0 } else { choice as usize % below };
        let from = place(text.len() + 1, step[1]);
        let length = place(40, step[2]).min(text.len() - from);
        match step[0] % 7 {
            0 => drop(text.drain(from..from + length)),
            1 => {
                let part = text[from..from + length].to_vec();
                let times = 1 + place(30, step[3]);
                text.splice(from..from, part.repeat(times));
            }
            2 => {
                let start = place(other.len() + 1, step[3]);
                let part = other[start..(start + length).min(other.len())].to_vec();
                text.splice(from..from + length, part);
            }
            3 => drop(text.splice(from..from, std::iter::once(char::from(step[3] as u8)))),
            _ => drop(text.splice(from..from, SCRAPS[place(SCRAPS.len(), step[3])].chars())),
        }
    }
    text.into_iter().collect()
}
