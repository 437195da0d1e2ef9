// What few readers need is fetched when they are about to need it: what copies formulas, and the quiz.
{
  const here = document.currentScript.src;
  const fetchOnce = name => {
    document.head.append(Object.assign(document.createElement("script"), { src: new URL(name, here) }));
  };
  document.addEventListener("selectionchange", () => fetchOnce("copy.js"), { once: true });
  const quiz = document.getElementById("check-yourself");
  const near = new IntersectionObserver(seen => {
    if (!seen.some(each => each.isIntersecting)) return;
    near.disconnect();
    fetchOnce("quiz.js");
  }, { rootMargin: "600px" });
  if (quiz) near.observe(quiz);
}
