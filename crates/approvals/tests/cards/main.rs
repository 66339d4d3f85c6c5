//! What a person is shown of an approval, and what is suggested.

mod card;
mod past_calls;
mod suggestion;
mod visible;

use std::sync::Arc;

use exuvia_journal::{
    Approval, ApprovalBounds, ApprovalContent, ApprovalStore as _, HeldRun, Lease, MemoryApprovals, MemoryJournal,
    NewApproval, ScriptCall,
};
use exuvia_tool::{ApprovalId, CallId, Principal, RunId, ToolName};

/// An approval of a call of this tool of `crm`, with these arguments, by line 2 of this script.
pub(crate) async fn asked(arguments: &str, script: &str, tool: &str) -> (Approval, ApprovalContent) {
    let store = MemoryApprovals::new(Arc::new(MemoryJournal::new(1 << 20, || 5)));
    let tool = ToolName::new("crm", tool);
    let run = HeldRun {
        run: RunId::new("01R"),
        principal: Principal::Key("ci".into()),
        role: Some("support".into()),
        profile: None,
        script: script.into(),
        script_sha256: "5c".into(),
        calls: vec![ScriptCall { tool: tool.clone(), lines: vec![2, 7], needs_approval: true }],
        unpredicted: vec!["line 3 calls a tool\nby a name".into()],
        lease: Lease { holder: "h".into(), until_ms: 9 },
    };
    let new = NewApproval {
        id: ApprovalId::new("01A"),
        call: Some(CallId(3)),
        tool: Some(tool),
        arguments: arguments.into(),
        arguments_sha256: "a5".into(),
        tool_sha256: None,
        line: Some(2),
        rule: "outside auto_execute".into(),
        may_have_happened: true,
        created_ms: 5,
        expires_ms: 9,
    };
    let bounds = ApprovalBounds { pending_per_principal: 9, pending: 9, runs_per_principal: 9, runs: 9 };
    let approval = store.hold(&run, &[new], &bounds).await.expect("asked").remove(0);
    let content = store.content(&approval.id).await.expect("read").expect("there");
    (approval, content)
}
