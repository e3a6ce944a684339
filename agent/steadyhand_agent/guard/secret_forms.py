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
    *((f"gh{kind}_", 0, rf"gh{kind}_{_A}{{36,255}}") for kind in "pousr"),
    ("github_pat_", 0, rf"github_pat_{_W}{{22,255}}"),
    *(
        (f"{kind}-", 0, rf"{kind}-{_W}{{20,}}")
        for kind in ("glpat", "gldt", "glrt", "glcbt", "glptt", "glft", "glsoat", "gloas")
    ),
    ("xox", 0, r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
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
    ("dp.pt.", 0, rf"dp\.pt\.{_A}{{40,}}"),
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

URL = re.compile(r"://[^\s/:@\"'<>`]{0,100}:([^\s/@\"'<>`]{3,200})@[\w\[$]")

HEADER = re.compile(r"(?:earer|asic)\s+([A-Za-z0-9._~+/-]{16,}=*)")

# What a name is made of that holds a secret. `key` alone holds anything.
KEYWORDS = (
    "passw", "pwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key", "access_key",
    "accesskey", "access-key", "private_key", "privatekey", "account_key", "encryption_key",
    "signing_key", "credential", "authkey", "auth_key", "client_key", "_auth=", "_auth\"",
    "master_key", "license_key",
)  # fmt: skip

# From a keyword on: the rest of the name, an operator, a value in quotes or a bare one.
ASSIGNED = re.compile(
    r"(?P<name>[A-Za-z_-][\w-]{0,40})"
    r"[\"'\]]{0,2}\s{0,3}(?::\s?[A-Za-z][\w.\[\]| ]{0,30}?\s?(?==))?"
    r"(?:=>|:=|(?<![=!<>])=(?!=)|:(?!:))\s{0,3}"
    r"(?:[bfru]{0,2}(?P<quote>[\"'`])(?P<quoted>[^\"'`\n\\]{8,300})(?P=quote)"
    r"|(?P<bare>[A-Za-z0-9+/_.!@#%^&*=~-]{10,300})(?=[\s,;}\]]|$))"
)
