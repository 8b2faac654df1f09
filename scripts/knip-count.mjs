// A second reporter for knip: without it knip does not say how much it looked at.
export default function reportCount({ counters, write }) {
  write(`knip looked at ${counters.processed} files`);
}
