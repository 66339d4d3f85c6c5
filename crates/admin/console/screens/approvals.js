// Waiting approvals: the list, and the card of the one that is chosen. `/approve/ID` is the same screen with that one chosen.

import { announce } from "../core/announce.js";
import { get, path } from "../core/api.js";
import { h, replace, set } from "../core/dom.js";
import { follow } from "../core/events.js";
import { duration } from "../core/format.js";
import { bind } from "../core/keys.js";
import * as records from "../core/records.js";
import { go } from "../core/router.js";
import { toolName, visibleName } from "../core/visible.js";
import { badge, empty, failure, when } from "../parts/elements.js";
import { card } from "../parts/card.js";
import { rover } from "../parts/rover.js";

/** How many are listed. */
const PAGE = 200;
const STATES = ["held", "answered", "expired", "void"];

export async function show({ main, params, signal, session, title, waiting }) {
    title("Approvals");
    const chosen = params.id ?? null;
    const scope = session.scope?.run ? { run: session.scope.run } : { state: "pending" };
    const list = h("ul.queue");
    const frame = h("div.queue-frame", list);
    const more = h("p.quiet.queue-more");
    const live = h("span.live", { role: "status" });
    const detail = h("div.approval");
    const heading = session.scope ? "Approval" : "Waiting approvals";
    const asked = h("div");
    main.append(h("header.page-head", h("h1", heading), live), asked,
        h("div.approvals", { class: chosen ? "has-chosen" : "" }, h("section.queue-section", { "aria-label": "Queue" }, frame, more), detail));

    let known = null;
    let answeredElsewhere = () => {};
    const read = async () => {
        const { items, next } = await get("/approvals", { ...scope, limit: PAGE }, { signal });
        if (!session.scope) waiting(items.length, Boolean(next));
        tell(known, items);
        known = new Set(items.map(({ id }) => id));
        showList(list, frame, items, chosen, session);
        more.textContent = next ? `The newest ${items.length}. Older ones appear as these are answered.` : "";
        if (!next) answeredElsewhere(items);
        return items;
    };
    const move = rover(list, "a");
    if (!session.scope) {
        bind(signal, "j", "Next approval", () => move(1));
        bind(signal, "k", "Previous approval", () => move(-1));
    }
    follow("/approvals/events", STATES, { signal, changed: read, state: (state) => showLive(live, state) });
    const readQuestions = async () => showQuestions(asked, (await get("/questions", {}, { signal })).items);
    follow("/approvals/events", ["question-asked", "question-over"], { signal, changed: readQuestions });
    readQuestions().catch(() => {});
    const items = await read();
    if (chosen) {
        answeredElsewhere = await showCard(detail, chosen, { signal, session, read, title });
        return;
    }
    if (items.length) replace(detail, empty("Choose a call", "Each card shows what would be sent, in full."));
    else detail.hidden = true;
}

/** Shows the card. The function that it returns shows it anew where a list says that it does not wait any more. */
async function showCard(detail, id, { signal, session, read, title }) {
    let isWaiting = false;
    // The keys of a card go with it.
    let life = new AbortController();
    const again = async (focus) => {
        let approval;
        try {
            approval = records.approval(await get(`/approvals${path(id)}`, {}, { signal }));
        } catch (error) {
            if (!signal.aborted) replace(detail, error.status === 404 ? empty("No such approval", "It was erased, or the link is incomplete.") : failure(error, () => again(false)));
            return;
        }
        isWaiting = approval.state === "pending";
        const held = await get("/approvals", { run: approval.run, limit: PAGE }, { signal }).then(({ items }) => items, () => []);
        title(approval.tool ? `${approval.server}.${approval.tool}` : "Start of a script");
        const together = held.filter((one) => one.id !== approval.id);
        const answered = async () => {
            isWaiting = false;
            const items = await read();
            const next = items.find((one) => one.id !== id && one.state === "pending");
            if (next && !session.scope) go(`/approve/${encodeURIComponent(next.id)}`);
            else again(true);
        };
        life.abort();
        life = new AbortController();
        const ofCard = AbortSignal.any([signal, life.signal]);
        const back = !session.scope && h("a.back", { href: "/approvals" }, "All waiting approvals");
        replace(detail, back, card(approval, together, { signal: ofCard, answered, changed: () => again(true), isScoped: Boolean(session.scope) }));
        if (focus) detail.querySelector("h2")?.focus();
    };
    await again(false);
    return (items) => isWaiting && !items.some((one) => one.id === id && one.state === "pending") && again(false);
}

/** What servers ask meanwhile, above the queue. */
function showQuestions(place, questions) {
    if (!questions.length) return replace(place);
    const items = questions.map((one) => h("li", h("a.queue-entry", { href: `/question/${encodeURIComponent(one.id)}` },
        h("span.queue-tool", visibleName(one.server), " asks"),
        h("span.queue-who", visibleName(one.principal ?? "?"), one.line ? ` · line ${one.line}` : ""),
        h("span.queue-when", when(one.asked_ms, { relative: true })))));
    return replace(place, h("section.questions", { "aria-label": "Questions of servers" }, h("h2", "Servers ask"), h("ul.question-list", items)));
}

function showList(list, frame, items, chosen, session) {
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    if (!items.length) {
        replace(frame, empty("Nothing waits", session.scope ? "Everything of this run is answered." : "Calls that the policy asks about appear here at once."));
        return;
    }
    if (!list.isConnected) replace(frame, list);
    const together = Map.groupBy(items, ({ run }) => run);
    replace(list, items.map((item) => h("li", entry(item, item.id === chosen, together.get(item.run).length))));
    if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function entry(item, isChosen, together) {
    const left = item.expires_ms - Date.now();
    const link = h("a.queue-entry", { href: `/approve/${encodeURIComponent(item.id)}`, data: { id: item.id } },
        h("span.queue-tool", item.tool ? toolName(item.server, item.tool) : "start of a script"),
        h("span.queue-who", visibleName(item.principal ?? "?"), item.line ? ` · line ${item.line}` : "", together > 1 && ` · ${together} of one run`),
        h("span.queue-when", item.state === "pending" ? [when(item.created_ms, { relative: true }), left > 0 && left < 3_600_000 && ` · ends in ${duration(left)}`] : badge(item.state)));
    return set(link, { "aria-current": isChosen ? "true" : "false" });
}

function tell(known, items) {
    if (!known) return;
    const fresh = items.filter(({ id }) => !known.has(id));
    if (fresh.length === 1) announce(`New approval: ${fresh[0].tool ? `${fresh[0].server}.${fresh[0].tool}` : "start of a script"}`);
    else if (fresh.length) announce(`${fresh.length} new approvals`);
}

function showLive(live, state) {
    set(live, { class: `is-${state}` }).classList.toggle("is-live", state === "live");
    live.classList.toggle("is-lost", state === "lost");
    live.textContent = state === "live" ? "Live" : "Reconnecting";
}

