// Runs before the first paint, so that a chosen theme does not flash. A classic script: modules are deferred.
(() => {
    let chosen = null;
    try {
        chosen = localStorage.getItem("exuvia.theme");
    } catch {
        // Without storage the system's theme applies.
    }
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
