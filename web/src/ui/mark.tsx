/** The mark of the house. */
export function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true">
      <rect x="1" y="1" width="22" height="22" rx="6" fill="var(--accent)" />
      <path
        d="M6 15.5c2.5 0 2.5-7 6-7s3.5 7 6 7"
        fill="none"
        stroke="var(--accent-ink)"
        strokeWidth="2.2"
        strokeLinecap="round"
      />
      <circle cx="12" cy="8.5" r="1.9" fill="var(--accent-ink)" />
    </svg>
  );
}
