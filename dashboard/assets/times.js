// Keeps "12 s ago" true while a page stands; the same words as dashboard/words.py.
(function () {
  "use strict";
  const STEPS = [[86400, "d"], [3600, "h"], [60, "min"]];

  watchkeeper.ago = function (timeMs) {
    const age = Math.max(0, Math.floor((Date.now() - timeMs) / 1000));
    const step = STEPS.find(([seconds]) => age >= seconds);
    return step ? `${Math.floor(age / step[0])} ${step[1]} ago` : `${age} s ago`;
  };

  setInterval(() => {
    if (document.hidden) return;
    document.querySelectorAll("time[data-ago]").forEach((time) => {
      const text = watchkeeper.ago(Number(time.dataset.ago));
      // The text node is React's: it is changed in place and never replaced.
      if (time.firstChild && time.firstChild.nodeValue !== text) time.firstChild.nodeValue = text;
    });
  }, 10000);
})();
