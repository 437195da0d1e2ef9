// The module of a demo is fetched when a reader comes near it: <draw-digit class="demo"> asks for demos/draw-digit.js.
// On paper its own text stands there. A page opened without a server may load no module: tools/offline.py makes it a script.
{
  const here = document.currentScript.src, type = location.protocol === "file:" ? "text/javascript" : "module";
  const near = new IntersectionObserver(seen => {
    for (const { isIntersecting, target: { localName } } of seen) {
      if (!isIntersecting || document.querySelector(`script[src$="demos/${localName}.js"]`)) continue;
      document.head.append(Object.assign(document.createElement("script"), { type, src: new URL(`demos/${localName}.js`, here) }));
    }
  }, { rootMargin: "400px" });
  if (document.documentElement.dataset.deck !== "print") document.querySelectorAll(".demo").forEach(demo => near.observe(demo));
}
