// Moving through a list with keys.

/** A function that moves the focus by so many elements of `list` that match `selector`. */
export function rover(list, selector) {
    return (step) => {
        const all = [...list.querySelectorAll(selector)].filter((element) => element.offsetParent !== null);
        if (!all.length) return;
        const focused = all.findIndex((element) => element === document.activeElement || element.contains(document.activeElement));
        const current = focused >= 0 ? focused : all.findIndex((element) => element.getAttribute("aria-current") === "true");
        const next = current < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, current + step));
        all[next].focus();
        all[next].scrollIntoView({ block: "nearest" });
    };
}
