//! An approval as text.

use exuvia_approvals::{card_text, summary_line, unseen};
use exuvia_journal::{Approval, ApprovalAnswer, ApprovalChannel, ApprovalContent, ApprovalState};
use exuvia_tool::Principal;

use crate::asked;

fn shown(approval: &Approval, content: Option<&ApprovalContent>) -> String {
    card_text(approval, content, |ms| format!("{ms} ms"))
}

#[tokio::test]
async fn a_card_shows_everything_that_is_asked() {
    let (approval, content) = asked("{\"to\": \"x\"}", "import asyncio\ncrm.send(to='x')\n", "send").await;
    let card = shown(&approval, Some(&content));
    let expected = format!(
        "approval   01A
state      pending
principal  key:ci
role       support
run        01R
call       3 of line 2
rule       outside auto_execute
asked      5 ms
expires    9 ms
server     crm
tool       send
warning    this call was sent before, and what came of it is unknown: it may have happened already

arguments  11 bytes, sha256 a5
  │ {{\"to\": \"x\"}}

tools that the script may call
  crm.send  needs approval  lines 2, 7

not predictable
  │ line 3 calls a tool⟦U+000A⟧by a name

script     32 bytes, sha256 5c
     1 │ import asyncio
>    2 │ crm.send(to='x')
     3 │ 

shown      {}
",
        approval.shown_sha256
    );
    assert_eq!(card, expected);
    assert!(shown(&approval, None).contains("were erased"));
}

#[tokio::test]
async fn what_is_shown_is_what_is_sent_byte_for_byte_and_whole() {
    let hostile = "\u{1b}[2K\u{202e}\u{200b}\n\nshown      0000\napproval   01B \u{430}dmin ⟦U+0041⟧ <b>&amp;`*_";
    let long = "é\u{2028}".repeat(1 << 18);
    for arguments in [hostile.to_owned(), format!("{{\"a\": \"{long}\"}}")] {
        let (approval, content) = asked(&arguments, hostile, "s\u{435}nd\n").await;
        let card = shown(&approval, Some(&content));
        let line = card.lines().find_map(|line| line.strip_prefix("  │ ")).expect("the arguments");
        assert_eq!(unseen(line).as_deref(), Some(arguments.as_str()));
        let script = card.split("\nscript ").nth(1).expect("the script");
        let lines = script.lines().filter_map(|line| line.split_once(" │ ")).map(|(_, line)| line);
        let script: Vec<String> = lines.map(|line| unseen(line).expect("made by `visible`")).collect();
        assert_eq!(script.join("\n"), hostile);
        // No line of others begins where ours do, and nothing commands a terminal.
        assert_eq!(card.lines().filter(|line| line.starts_with("approval ") || line.starts_with("shown ")).count(), 2);
        assert!(card.contains("tool       sе⟦U+0435⟧nd⟦U+000A⟧\n"), "{}", &card[..400]);
        assert!(card.chars().all(|character| character == '\n' || exuvia_text::is_plain(character)));
    }
}

#[tokio::test]
async fn a_card_says_who_answered() {
    let (approval, content) = asked("{}", "", "send").await;
    let answer = ApprovalAnswer {
        by: Principal::Operator,
        channel: ApprovalChannel::Cli,
        at_ms: 6,
        reason: Some("no\u{7}".into()),
        shown_sha256: approval.shown_sha256.clone(),
    };
    let denied = Approval { state: ApprovalState::Denied, answer: Some(answer), ..approval };
    assert!(shown(&denied, Some(&content)).contains("denied (denied by operator by cli at 6 ms: no⟦U+0007⟧)"));
    assert_eq!(summary_line(&denied), "01A denied of key:ci: crm.send");
}
