// What a server asks in the middle of a script's call: its form, or the address that it wants to have visited.

import { announce } from "../core/announce.js";
import { get, path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { follow } from "../core/events.js";
import { duration } from "../core/format.js";
import { go } from "../core/router.js";
import { toolName, visible, visibleName } from "../core/visible.js";
import { button, copyButton, empty, facts, failure, runLink, when } from "../parts/elements.js";
import { questionForm } from "../parts/question_form.js";

export async function show({ main, params, signal, session, title }) {
    title("Question");
    const place = h("div.approval");
    main.append(h("header.page-head", h("h1", "Question of a server")), place);
    const over = () => replace(place, empty("Nothing to answer", "It was answered, or its call is over."));
    let question;
    try {
        question = await get(`/questions${path(params.id)}`, {}, { signal });
    } catch (error) {
        if (error.status !== 404) throw error;
        over();
        return;
    }
    title(`${question.server} asks`);
    replace(place, card(question, { session, done: () => (session.scope ? over() : go("/approvals")) }));
    const read = () => get(`/questions${path(params.id)}`, {}, { signal }).catch((error) => error.status === 404 && over());
    follow("/approvals/events", ["question-over"], { signal, changed: read });
}

function card(question, { session, done }) {
    const { id, mode, server, tool, principal, run, line, message, schema, url, asked_ms: asked, until_ms: until } = question;
    const form = mode === "form" ? questionForm(schema) : null;
    const problem = h("div");
    let isSending = false;
    const send = async (action) => {
        if (isSending) return;
        isSending = true;
        try {
            const content = action === "accept" && form ? { content: form.content() } : {};
            await post(`/questions${path(id, "answer")}`, { action, ...content });
            announce(action === "accept" ? "Answered" : "Declined", { urgent: true });
            done();
        } catch (error) {
            isSending = false;
            replace(problem, failure(error));
        }
    };
    const submit = (event) => {
        event.preventDefault();
        send("accept");
    };
    return h("article.card", { "aria-labelledby": "question-title" },
        h("p.card-kicker", "Asks in the middle of a call of ", toolName(server, tool)),
        h("h2.card-title", { id: "question-title", tabindex: "-1" }, visibleName(server)),
        h("p.question-message", visible(message)),
        facts([
            ["Principal", visibleName(principal)],
            ["Asked", [when(asked, { relative: true }), h("span.quiet", until > Date.now() ? ` ends in ${duration(until - Date.now())}` : " ends now")]],
            ["Run", session.scope ? h("span.run-id", run) : runLink(run)],
            ["Line", line],
        ]),
        h("form", { on: { submit } },
            form?.element,
            url && visit(url),
            h("div.answer", { role: "group", "aria-label": "Answer" },
                h("p.quiet.question-note", form ? "What you fill in goes to the server, and is not recorded." : "Open the address yourself, and say here that you were there."),
                h("div.answer-buttons", button("Decline", () => send("decline"), { kind: "is-deny" }), h("button.button.is-primary", { type: "submit" }, form ? "Send" : "I was there")),
                problem)));
}

/** The whole address as text: a person reads where it leads before it is opened. */
function visit(url) {
    return h("div.field", h("p", "It wants you to visit this address. Nobody has checked where it leads:"), h("pre.code.question-url", { tabindex: "0", "aria-label": "Address" }, visible(url)), h("div.actions", copyButton(url)));
}
