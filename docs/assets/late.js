// What few readers need is fetched when they are about to: what copies formulas, and the quiz.
{
  const here = document.currentScript.src;
  const load = name => document.head.append(Object.assign(document.createElement("script"), { src: new URL(name, here) }));
  document.addEventListener("selectionchange", () => load("copy.js"), { once: true });
  const quiz = document.getElementById("check-yourself");
  const near = new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting) near.disconnect(), load("quiz.js");
  }, { rootMargin: "600px" });
  if (quiz) near.observe(quiz);
}
