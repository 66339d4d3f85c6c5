//! Questions of servers, said on the terminal of a process that no command finds: the log of a client shows it.

use std::sync::{Arc, Weak};

use exuvia_gateway::{ApprovalNotices, AskedApprovals, Gateway, OpenQuestion};

use super::message::question_text;
use crate::terminal::Terminal;

/// Says from now on what servers ask a person in the middle of calls, with the address where it is answered. Approvals are in the answer that their
/// client gets.
pub(crate) fn say_questions(gateway: &Arc<Gateway>, terminal: &Terminal) {
    let said = SaidQuestions { gateway: Arc::downgrade(gateway), terminal: terminal.clone() };
    gateway.add_approval_notices(Arc::new(said));
}

struct SaidQuestions {
    gateway: Weak<Gateway>,
    terminal: Terminal,
}

impl ApprovalNotices for SaidQuestions {
    fn asked(&self, _: &AskedApprovals) {}

    fn question_asked(&self, question: &OpenQuestion) {
        let link = self.gateway.upgrade().and_then(|gateway| gateway.question_link(question));
        if let Some(link) = link {
            self.terminal.print(&format!("{}; answer at {link}", question_text(question)));
        }
    }
}
