"""The forms of well-known secrets: what each begins with, and what it consists of.

Owns the list and nothing else. Only tokens that give access are in it: an account's public id is
none. Each is written down from what its issuer says of its form.
"""

from __future__ import annotations

import re

_W = r"[A-Za-z0-9_-]"
_A = r"[A-Za-z0-9]"
_END = r"(?![A-Za-z0-9_-])"
_BEGIN = r"(?<![A-Za-z0-9_-])"

# The word that is looked for first, how far before it the token may begin, the token.
_LISTED: tuple[tuple[str, int, str], ...] = (
    *((word, 0, rf"{word}[A-Z2-7]{{16}}(?![A-Za-z0-9])") for word in ("AKIA", "ASIA", "ABIA")),
    # The newer ones of GitHub's apps hold a JSON Web Token.
    *(
        (f"gh{kind}_", 0, rf"gh{kind}_(?:{_W}{{10,}}(?:\.{_W}{{10,}}){{2}}|{_A}{{36,255}})")
        for kind in "pousr"
    ),
    ("github_pat_", 0, rf"github_pat_{_W}{{22,255}}"),
    *(
        (f"{kind}-", 0, rf"{kind}-{_W}{{20,}}(?:\.[0-9a-z]{{2}}\.[0-9a-z]{{9}})?")
        for kind in ("glpat", "gldt", "glrt", "glcbt", "glptt", "glft", "glsoat", "gloas")
    ),
    ("xox", 0, r"xox(?:e\.xox[bp]|[abcdeoprs])-[A-Za-z0-9%+/=-]{10,}"),
    ("xapp-", 0, r"xapp-[A-Za-z0-9-]{10,}"),
    ("hooks.slack.com/", 0, r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9+/]{40,})"),
    *((f"{kind}_live_", 0, rf"{kind}_live_{_A}{{10,}}") for kind in ("sk", "rk")),
    *((f"{kind}_test_", 0, rf"{kind}_test_{_A}{{16,}}") for kind in ("sk", "rk")),
    ("whsec_", 0, r"whsec_[A-Za-z0-9+/]{24,}=*"),
    ("sk-", 0, rf"sk-(?:ant|proj|svcacct|admin|or|lf)-{_W}{{20,}}|sk-{_A}{{32,}}"),
    ("AIza", 0, rf"AIza{_W}{{35}}"),
    ("ya29.", 0, rf"ya29\.{_W}{{20,}}"),
    ("GOCSPX-", 0, rf"GOCSPX-{_W}{{20,}}"),
    ("1//0", 0, rf"1//0{_W}{{40,}}"),
    ("npm_", 0, rf"npm_{_A}{{36}}"),
    ("pypi-AgE", 0, rf"pypi-AgE{_W}{{50,}}"),
    ("rubygems_", 0, r"rubygems_[0-9a-f]{48}"),
    ("dckr_pat_", 0, rf"dckr_pat_{_W}{{20,}}"),
    ("SG.", 0, rf"SG\.{_W}{{16,32}}\.{_W}{{16,64}}"),
    ("key-", 0, r"key-[0-9a-f]{32}"),
    ("-us", 32, r"[0-9a-f]{32}-us\d{1,2}"),
    ("SK", 0, r"SK[0-9a-f]{32}"),
    *((f"do{kind}_v1_", 0, rf"do{kind}_v1_[0-9a-f]{{64}}") for kind in "opr"),
    ("HRKU-", 0, rf"HRKU-{_W}{{36,}}"),
    *((f"shp{kind}_", 0, rf"shp{kind}_[0-9a-fA-F]{{32}}") for kind in ("at", "ca", "pa", "ss")),
    ("dapi", 0, r"dapi[0-9a-f]{32}(?:-\d)?"),
    ("hf_", 0, rf"hf_{_A}{{30,}}"),
    *((f"hv{kind}.", 0, rf"hv{kind}\.{_W}{{24,}}") for kind in "sbr"),
    (".atlasv1.", 14, rf"{_A}{{14}}\.atlasv1\.{_W}{{60,}}"),
    ("lin_api_", 0, rf"lin_api_{_A}{{40}}"),
    ("ntn_", 0, rf"ntn_{_A}{{40,}}"),
    ("secret_", 0, rf"secret_{_A}{{43}}"),
    (":AA", 10, rf"\d{{8,10}}:AA{_W}{{33}}"),
    ("PMAK-", 0, rf"PMAK-{_W}{{50,}}"),
    ("NRAK-", 0, rf"NRAK-{_A}{{27}}"),
    ("glsa_", 0, rf"glsa_{_A}{{32}}_[0-9a-fA-F]{{8}}"),
    ("glc_", 0, r"glc_[A-Za-z0-9+/]{32,}={0,2}"),
    ("sbp_", 0, r"sbp_[0-9a-f]{40}"),
    ("sq0", 0, rf"sq0(?:atp|csp)-{_W}{{22,43}}"),
    ("ATATT3", 0, rf"ATATT3{_W}{{100,}}(?:=[0-9A-F]{{8}})?"),
    ("AGE-SECRET-KEY-1", 0, r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("tskey-", 0, rf"tskey-(?:auth|api|client|scim|webhook)-{_W}{{16,}}"),
    ("gsk_", 0, rf"gsk_{_A}{{40,}}"),
    ("r8_", 0, rf"r8_{_A}{{37}}"),
    ("pplx-", 0, rf"pplx-{_A}{{40,}}"),
    ("xai-", 0, rf"xai-{_A}{{60,}}"),
    *(
        (f"dp.{kind}.", 0, rf"dp\.{kind}\.(?:[a-z0-9_-]{{2,35}}\.)?{_A}{{40,}}")
        for kind in ("pt", "st", "ct", "sa", "scim", "audit")
    ),
    # The secret half, where it stands beside the id, as in the console's own file.
    *(
        (
            word,
            0,
            rf"{word}[A-Z2-7]{{16}}[\"']?\s{{0,3}}[,;:|\t ]\s{{0,3}}[\"']?([A-Za-z0-9+/]{{40}})"
            r"(?![+/=])",
        )
        for word in ("AKIA", "ASIA")
    ),
    ("dckr_oat_", 0, rf"dckr_oat_{_W}{{20,}}"),
    ("lsv2_", 0, r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    *((f"vc{kind}_", 0, rf"vc{kind}_{_A}{{24,}}") for kind in "pciark"),
    ("vercel_blob_rw_", 0, rf"vercel_blob_rw_{_W}{{30,}}"),
    ("sb_secret_", 0, rf"sb_secret_{_W}{{20,}}"),
    ("pscale_", 0, r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.-]{32,}"),
    *((f"nf{kind}_", 0, rf"nf{kind}_{_A}{{36,}}") for kind in "pcoub"),
    ("fo1_", 0, rf"fo1_{_W}{{43}}"),
    *(
        (f"{kind}_", 0, rf"{kind}_[A-Za-z0-9+/]{{100,}}={{0,3}}")
        for kind in ("fm1r", "fm1a", "fm2")
    ),
    ("ATBB", 0, rf"ATBB{_A}{{32}}"),
    ("ATCTT3", 0, rf"ATCTT3{_W}{{100,}}(?:=[0-9A-F]{{8}})?"),
    ("figd_", 0, rf"figd_{_W}{{38,}}"),
    ("pat", 0, rf"pat{_A}{{14}}\.[0-9a-f]{{64}}"),
    ("EAAA", 0, rf"(?<![+/])EAAA{_W}{{58,}}"),
    ("EAA", 0, rf"(?<![+/])EAA{_A}{{100,}}"),
    ("sntrys_", 0, r"sntrys_[A-Za-z0-9+/=_-]{40,}"),
    ("sntryu_", 0, r"sntryu_[0-9a-f]{64}"),
    ("phx_", 0, rf"phx_{_A}{{32,}}"),
    ("pul-", 0, r"pul-[0-9a-f]{40}"),
    ("csk-", 0, r"csk-[a-z0-9]{40,}"),
    ("tvly-", 0, rf"tvly-(?:dev-|prod-)?{_A}{{32}}"),
    ("sk_", 0, r"sk_[0-9a-f]{48}"),
    ("nvapi-", 0, rf"nvapi-{_W}{{60,}}"),
    ("sk.eyJ", 0, rf"sk\.eyJ{_W}{{40,}}\.{_W}{{20,}}"),
    ("AKCp", 0, rf"AKCp{_A}{{60,}}"),
    ("cmVmdGtu", 0, rf"cmVmdGtu{_A}{{56}}"),
    ("cio", 0, rf"cio(?=[A-Za-z]*[0-9]){_A}{{32}}"),
    ("re_", 0, rf"re_{_A}{{8}}_{_A}{{24}}"),
    *((f"x{kind}sib-", 0, rf"x{kind}sib-[0-9a-f]{{64}}-{_A}{{16}}") for kind in ("key", "smtp")),
    ("AQ.", 0, rf"AQ\.Ab{_W}{{40,}}"),
    ("Q~", 4, r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    ("webhooks/", 0, rf"webhooks/\d{{17,20}}/({_W}{{60,}})"),
    # A bot's id in base64, a time, a signature.
    *((at, 0, rf"{at}{_A}{{21,26}}\.{_W}{{6}}\.{_W}{{27,40}}") for at in ("MT", "Nz", "OD", "OT")),
    # An encrypted JSON Web Token has five parts.
    ("eyJ", 0, rf"eyJ{_W}{{8,}}\.{_W}{{20,}}\.{_W}{{16}}\.{_W}{{20,}}\.{_W}{{22}}"),
    ("sig=", 0, r"sig=([A-Za-z0-9%+/]{40,}=?)"),
    ("AccountKey=", 0, r"AccountKey=([A-Za-z0-9+/]{60,}={0,2})"),
    ("SharedAccessKey=", 0, r"SharedAccessKey=([A-Za-z0-9+/]{40,}={0,2})"),
    # A signed JSON Web Token: head, claims, signature.
    ("eyJ", 0, rf"eyJ{_W}{{8,}}\.eyJ{_W}{{8,}}\.{_W}{{10,}}"),
)


def _compiled(form: str) -> re.Pattern[str]:
    return re.compile(f"{_BEGIN}(?:{form})(?![A-Za-z0-9])")


FORMS = tuple((word, back, _compiled(form)) for word, back, form in _LISTED)

# Also where a JSON string holds the line ends as two characters.
PRIVATE = re.compile(r"-----(?P<side>BEGIN|END) (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")

URL = re.compile(
    r"://[^\s/:@\"'<>`]{0,100}:([^\s/@\"'<>`]{3,200})@[\w\[$]"
    # A token in the place of the user.
    r"|://([A-Za-z0-9_-]{20,255})@[\w\[$]"
)

# What follows `Authorization`, by whatever scheme, and `Bearer` anywhere.
HEADER = re.compile(r"(?:earer|asic|EARER|ASIC)\s+([A-Za-z0-9._~+/-]{16,}=*)")
AUTHORIZATION = re.compile(
    r"(?:uthorization|UTHORIZATION)(?:\\?[\"'\]]){0,2}\s{0,3}[:=,]\s{0,3}(?:\\?[\"'`])?"
    r"(?:[A-Za-z]{3,20} )?([A-Za-z0-9._~+/-]{20,}=*)"
)
# Arguments of programs, `--token X` and `-u name:X`, and a line of `.netrc`.
FLAG = re.compile(
    r"--(?:[a-z]+-){0,4}(?:token|passw(?:or)?d|passphrase|secret|api-?key|access-?key|credential)"
    r"(?:-[a-z]+){0,2}[ \t]+[\"']?([^\s\"'`]{12,300})"
)
USER = re.compile(r" (?:-u|--user)[ =]?[\"']?[\w.@+-]{1,60}:([^\s\"'`]{8,200})")
NETRC = re.compile(r"login\s+\S{1,100}\s+password\s+(\S{6,200})")
# The private parts of a JSON Web Key, and those of PuTTY's own form.
WEB_KEY = re.compile(r"\"(?:d|p|q|dp|dq|qi|k)\"\s{0,3}:\s{0,3}\"([A-Za-z0-9_-]{20,3000})\"")
PUTTY = re.compile(r"Private-Lines: \d{1,4}\r?\n((?:[A-Za-z0-9+/=]{4,64}\r?\n){1,200})")

# What a name is made of that holds a secret. `key` alone holds anything, and so does `pass` within
# another word.
KEYWORDS = (
    "passw", "pwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "access_key",
    "accesskey", "access-key", "private_key", "privatekey", "account_key", "encryption_key",
    "signing_key", "credential", "authkey", "auth_key", "client_key", "_auth=", "auth\"", "auth'",
    "master_key", "license_key", "fernet_key", "pass\"", "pass'", "pass:", "pass=", "pass =",
)  # fmt: skip

LONGEST = 4_000
_BARE = r"[A-Za-z0-9+/_.!@#%^&*=~-]"

# From a keyword on: the rest of the name, an operator, a value in quotes or a bare one. Quotes may
# be escaped: in a notebook, in a log line. A comma or a bracket is an operator between a name in
# quotes or a call and a value in quotes: `getenv("TOKEN", "x")`, `setPassword("x")`.
ASSIGNED = re.compile(
    r"(?P<name>[A-Za-z_-][\w-]{0,40}+)"
    r"(?:"
    r"(?:(?:\\?[\"'])?\s{0,3}(?P<weak>,\s{0,3}|\(\s{0,3})(?=\\?[\"'`]))"
    r"|(?:\\?[\"'\]]){0,2}\)?\s{0,3}"
    r"(?::\s?[A-Za-z&*][\w.\[\]|<>?&' ]{0,30}?\s?(?==))?"
    r"(?:=>|:=|(?<![=!<>])=(?!=)|:(?!:)|\|\||\?\?|or(?=\s)|value=|>(?=[^<\n]{8,300}</))"
    r"(?:\s{0,3}\(?\s{0,40}(?=\\?[\"'`])|\s{0,3}[|>][+-]?\n\s{1,40}|\s{0,3})"
    r")"
    r"(?:[bfru]{0,2}(?P<quote>\\?(?:\"\"\"|'''|[\"'`]))(?P<quoted>[^\"'`\n\\]{8,4000}+)(?P=quote)"
    rf"|(?P<bare>{_BARE}{{10,{LONGEST}}}+))"
)
# A bare value ends before one of these, or it is none.
BARE_REST = re.compile(rf"{_BARE}*+")
AFTER_BARE = re.compile(r"[\s,;}\]<]|\Z")
