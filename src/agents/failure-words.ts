/** What the CLI's own words say, where no field says it. Wordings change weekly: families, not sentences. */
export type WordClass = 'usage_error' | 'auth' | 'usage_limit' | 'transient';

/** Printed before any run began; such a line may quote any word. */
const USAGE_ERROR =
  /^[ \t]*error: (?:unknown (?:option|command)|option '|missing required argument|required option|too many arguments|command-argument)|no conversation found with session id|session id \S* ?is already in use|invalid session id/im;

/** A status that stands alone: no line number (`a.ts:401`), no part of a version, price or id. */
function bareStatus(codes: string): RegExp {
  return new RegExp(
    `(?:(?<![\\w./$-]|\\w:)|\\b(?:status|code|error)[:=]\\s*)(?:${codes})(?![\\w%-]|[.:]\\d)`,
    'i',
  );
}

const SIGNED_OUT = [
  /not (?:logged|signed) in|not authenticated|(?:log|sign) ?in again|please sign in|please (?:run )?\/?log ?in\b|(?:^|[\s"'`(])\/login\b|claude (?:auth )?login\b|setup-token/i,
  /authentication[_ ](?:error|failed|required)|failed to authenticate|permission_error/i,
  /invalid (?:x-)?api[-_ ]?key|api[-_ ]?key (?:is |was |has been |not )?(?:invalid|expired|revoked|disabled|missing|found|required)|api[-_ ]?key (?:is )?not valid|no api[-_ ]?key|invalid (?:(?:bearer|access|oauth|auth\w*|refresh) token|credentials?)\b/i,
  /(?:oauth|access|refresh|auth\w*|bearer|session) (?:token|session|login|credentials?)?\s*(?:has |was |is |have )?(?:been )?(?:expired|revoked)|token (?:has |was |is )?(?:been )?(?:expired|revoked)|could not be refreshed|credentials? (?:have |has |are |is )?(?:expired|missing|not found)/i,
  /does not have access to claude|(?:organization|account) (?:has|is) (?:been )?(?:disabled|suspended|banned|deactivated)|disabled organization|disabled claude subscription access|oauth authentication is (?:currently )?not|scope requirement/i,
];

const AUTH = [...SIGNED_OUT, /\bunauthorized\b|\bunauthenticated\b|\bforbidden\b/i, bareStatus('401|403')];

/** "not your usage limit" is the very opposite of one. */
const DENIED_LIMIT =
  /\bnot (?:due to |because of )?(?:your|an?|the|any) (?:\w+(?:'s)? ){0,2}(?:usage|plan|account|weekly|session) limits?/gi;

const PLAN_LIMIT = [
  /\b(?:usage|plan|subscription|weekly|daily|monthly|hourly|session|opus|sonnet|haiku|fable|spend(?:ing)?|quota|credit|billing|extra[- ]usage)(?: usage| rate| spend(?:ing)?| token)? limits?\b(?! (?:api|endpoint))/i,
  /\b\d+[- ]?(?:hour|hr|h|day|week)s? (?:usage )?limit/i,
  // "hit your limit", "reached your Opus 4 limit", but not the limit of a rate, a context or an answer.
  /\b(?:hit|reached|exceeded|used up|out of) (?:your|the|this|its) (?:(?!rate\b|context\b|token\b|output\b|turn\b|size\b|request\b|concurren)[\w.'-]+ ){0,4}limit\b/i,
  /(?<!rate |context |token |tokens |output |turn |turns |size |length |time |request |requests )\blimit reached\b|\blimit will reset\b|limit\s*[·∙•]\s*resets\b/i,
  /out of (?:extra )?(?:usage|credits?|quota)|(?:usage|quota|credits?|allowance) (?:is |are |has been )?(?:exhausted|exceeded|used up|depleted)|insufficient[_ ](?:quota|credits?|funds|balance)|usage_limit/i,
  /credit balance|no (?:remaining )?credits?\b|spend(?:ing)? cap|used (?:up )?(?:all )?(?:of )?your .{0,30}(?:allocation|allowance|quota|usage)|billing_error|billing (?:issue|problem|error)|payment required|purchase (?:more )?credits|regain access on/i,
];

const TRANSIENT = [
  /\boverloaded|\btoo many requests\b|rate[-_ ]?limit|throttl|temporarily (?:limiting|unavailable|overloaded)|high demand|at capacity|server-side issue/i,
  /internal server error|bad gateway|service (?:is )?(?:temporarily )?unavailable|gateway time-?out|\bapi_error\b|\bserver_error\b|\btimeout_error\b/i,
  bareStatus('429|500|502|503|504|52\\d|530'),
  /(?:status(?: code)?|http(?:\/[\d.]+)?|api error)[:\s("]*5\d\d\b/i,
  /\bE(?:CONNREFUSED|CONNRESET|CONNABORTED|TIMEDOUT|NOTFOUND|AI_AGAIN|PIPE|HOSTUNREACH|NETUNREACH|NETDOWN|SOCKETTIMEDOUT)\b|UND_ERR_|ERR_SOCKET|ERR_NETWORK|Connection(?:Refused|Reset|Closed|Error|Timeout)|FailedToOpenSocket/,
  /connection (?:was |has been )?(?:error|refused|reset|dropped|closed|failed|lost|aborted|interrupted|terminated|timed out)|unable to connect|could(?: not|n't) (?:connect|reach)|can(?:not|'t) (?:connect|reach)|failed to connect|fetch failed|upstream connect|request was aborted|premature close|other side closed|api error: terminated|network (?:error|is unreachable|changed)|socket hang up|getaddrinfo|name resolution|no internet/i,
  /timed? ?out\b|timeout (?:of|after|exceeded|reached|error)|(?:request|connection|read|idle|stream|api) timeout|stream (?:idle|stalled|ended|closed)|stalled/i,
  /try again (?:later|in a (?:moment|few|minute))/i,
];

/** The class the words belong to, auth before usage limit before transient; null when they say nothing. */
export function classifyWords(text: string): WordClass | null {
  if (USAGE_ERROR.test(text)) return 'usage_error';
  if (matchesAny(AUTH, text)) return 'auth';
  if (saysPlanLimit(text)) return 'usage_limit';
  if (matchesAny(TRANSIENT, text)) return 'transient';
  return null;
}

/** Whether the words blame what was asked: its length, its model, its content. Asked again it fails again. */
export function saysBadRequest(text: string): boolean {
  return /(?:prompt is|conversation|request|image|pdf|file)(?: was)? too (?:long|large)|context (?:window )?limit|output token maximum|selected model|model .{0,60}(?:not available|not found|does not exist)|safeguards flagged|usage policy|content filtering/i.test(
    text,
  );
}

/** Whether the words blame the plan or the credit, and not a mere rate. */
export function saysPlanLimit(text: string): boolean {
  return matchesAny(PLAN_LIMIT, text.replace(DENIED_LIMIT, ''));
}

/** Whether the words, and not a mere number in them, say that this credential may not be used at all. */
export function saysSignedOut(text: string): boolean {
  return matchesAny(SIGNED_OUT, text);
}

/** The HTTP status an error text begins with (`API Error: 529 …`, `Request rejected (429)`), for versions without the field. */
export function statusInWords(text: string): number | null {
  const match =
    /\bAPI Error\b[^\d]{0,40}?\b([45]\d\d)\b/i.exec(text) ??
    /\brejected \(([45]\d\d)\)/i.exec(text) ??
    /\bstatus(?: code)?[:\s=]+([45]\d\d)\b/i.exec(text) ??
    /\bHTTP(?:\/[\d.]+)?[\s:]+([45]\d\d)\b/i.exec(text);
  return match === null ? null : Number(match[1]);
}

function matchesAny(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}
