"""Made-up secrets of every form, and texts that only look like one.

Tokens are put together at run time: a repository that holds them whole would be refused by the
very programs that look for such tokens.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import uuid

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def some(rng: random.Random, letters: str, length: int) -> str:
    return "".join(rng.choice(letters) for _ in range(length))


def b64(rng: random.Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def jwt(rng: random.Random) -> str:
    def part(value) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head, claims = {"alg": "HS256", "typ": "JWT"}, {"sub": str(rng.randrange(10**9)), "iat": 1}
    signature = base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")
    return f"{part(head)}.{part(claims)}.{signature}"


def private_key(rng: random.Random, kind: str = "RSA ", lines: int = 12) -> str:
    body = "\n".join(b64(rng, 48) for _ in range(lines))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n{b64(rng, 17)}\n-----END {kind}PRIVATE KEY-----"


# What the token is, by form.
TOKENS = {
    "aws id": lambda r: "AKIA" + some(r, string.ascii_uppercase + "234567", 16),
    "github": lambda r: f"gh{r.choice('pousr')}_" + some(r, ALNUM, 36),
    "github fine": lambda r: "github_pat_" + some(r, ALNUM, 22) + "_" + some(r, ALNUM, 59),
    "gitlab": lambda r: "glpat-" + some(r, ALNUM + "-_", 20),
    "slack bot": lambda r: f"xoxb-{some(r, string.digits, 12)}-{some(r, ALNUM, 24)}",
    "stripe": lambda r: "sk_live_" + some(r, ALNUM, 24),
    "openai": lambda r: "sk-proj-" + some(r, ALNUM + "-_", 48),
    "openai old": lambda r: "sk-" + some(r, ALNUM, 48),
    "anthropic": lambda r: "sk-ant-api03-" + some(r, ALNUM + "-_", 90),
    "google": lambda r: "AIza" + some(r, ALNUM + "-_", 35),
    "google oauth": lambda r: "ya29." + some(r, ALNUM, 60),
    "npm": lambda r: "npm_" + some(r, ALNUM, 36),
    "pypi": lambda r: "pypi-AgE" + some(r, ALNUM, 90),
    "sendgrid": lambda r: f"SG.{some(r, ALNUM, 22)}.{some(r, ALNUM, 43)}",
    "mailgun": lambda r: "key-" + some(r, HEX, 32),
    "mailchimp": lambda r: some(r, HEX, 32) + "-us12",
    "twilio": lambda r: "SK" + some(r, HEX, 32),
    "digitalocean": lambda r: "dop_v1_" + some(r, HEX, 64),
    "shopify": lambda r: "shpat_" + some(r, HEX, 32),
    "databricks": lambda r: "dapi" + some(r, HEX, 32),
    "hugging face": lambda r: "hf_" + some(r, string.ascii_letters, 34),
    "vault": lambda r: "hvs." + some(r, ALNUM, 90),
    "terraform": lambda r: f"{some(r, ALNUM, 14)}.atlasv1.{some(r, ALNUM, 67)}",
    "telegram": lambda r: f"{some(r, '123456789', 10)}:AA{some(r, ALNUM + '-_', 33)}",
    "grafana": lambda r: f"glsa_{some(r, ALNUM, 32)}_{some(r, HEX, 8)}",
    "jwt": jwt,
}

# A text around a secret, with its name in it.
PLACES = {
    "python": lambda v: f'client = Client("{v}")\n',
    "env": lambda v: f"export SERVICE_KEY={v}\n",
    "json": lambda v: json.dumps({"a": [{"value": v}]}),
    "yaml": lambda v: f"service:\n  value: {v}\n  port: 80\n",
    "log": lambda v: f"2026-01-01 INFO called with {v}, answered 200\n",
    "shell": lambda v: f"curl -H 'X-Key: {v}' https://api.example.com\n",
}

# Secrets that only their place betrays: the text, and the secret in it.
ASSIGNED = {
    "aws secret": lambda r: ("aws_secret_access_key = {}\n", b64(r, 30)),
    "api key": lambda r: ('API_KEY = "{}"\n', some(r, ALNUM, 32)),
    "typed": lambda r: ('    api_key: str = "{}"\n', some(r, ALNUM, 40)),
    "client secret": lambda r: ('{{"client_secret": "{}"}}', some(r, ALNUM + "-_", 40)),
    "js": lambda r: ("const authToken = '{}';\n", some(r, HEX, 40)),
    "go": lambda r: ('secretKey := "{}"\n', some(r, ALNUM, 24)),
    "php": lambda r: ("'db_password' => '{}',\n", some(r, ALNUM, 20)),
    "password": lambda r: ('password = "{}"\n', "Kw" + some(r, string.digits, 3) + "!r&zQ"),
    "yaml": lambda r: ("access_token: {}\n", some(r, ALNUM, 32)),
    "url": lambda r: ("postgres://shop:{}@db.internal:5432/shop\n", some(r, ALNUM, 14)),
    "bearer": lambda r: ('headers["Authorization"] = "Bearer {}"\n', some(r, ALNUM, 40)),
    "basic": lambda r: ("Authorization: Basic {}\n", b64(r, 24)),
    "azure": lambda r: ("AccountName=x;AccountKey={};EndpointSuffix=y\n", b64(r, 64)),
    "npmrc": lambda r: ("//registry.example.org/:_authToken={}\n", some(r, ALNUM, 36)),
    "slack hook": lambda r: (
        "https://hooks.slack.com/services/{}\n",
        f"T{some(r, ALNUM, 8)}/B{some(r, ALNUM, 8)}/{some(r, ALNUM, 24)}",
    ),
}


def look_alikes(rng: random.Random) -> dict[str, str]:
    """Texts in which nothing is a secret."""
    sha = hashlib.sha1(rng.randbytes(8)).hexdigest()
    sha256 = hashlib.sha256(rng.randbytes(8)).hexdigest()
    return {
        "git hash": f"commit {sha}\nAuthor: A <a@example.com>\n",
        "pinned action": f"uses: actions/checkout@{sha}\n",
        "uuid": f'id = "{uuid.UUID(bytes=rng.randbytes(16), version=4)}"\n',
        "uuid token": f'sync_token = "{uuid.UUID(bytes=rng.randbytes(16), version=4)}"\n',
        "lock": f"    --hash=sha256:{sha256} \\\n    --hash=sha256:{sha256[::-1]}\n",
        "npm lock": f'"integrity": "sha512-{b64(rng, 64)}",\n',
        "go sum": f"golang.org/x/crypto v0.1.0 h1:{b64(rng, 32)}\n",
        "image": f".logo {{ background: url(data:image/png;base64,{b64(rng, 300)}) }}\n",
        "font": f"@font-face {{ src: url('data:font/woff2;base64,{b64(rng, 200)}') }}\n",
        "fixture": "password = 'example'\nuser.set_password('hunter2')\n",
        "fixture key": 'API_KEY = "your-api-key-here"\nTOKEN = "test-token-12345"\n',
        "aws example": "AKIAIOSFODNN7" + "EXAMPLE\nwJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY\n",
        "from environment": 'token = os.environ["GITHUB_TOKEN_2"]\nsecret = settings.SECRET_KEY\n',
        "call": "password = generate_password_hash(form.password2.data)\n",
        "template": "password: ${DB_PASSWORD1}\ntoken: {{ secrets.TOKEN_2026 }}\n",
        "url template": "postgres://user:password@localhost/test postgres://u:${PASS1}@h/x\n",
        "tokenizer": "tokens = tokenize(source)\ntoken_type_ids = [0, 1, 1]\nmax_tokens: 4096\n",
        "sentence": 'error = "The token expired at 12:30, ask for another one."\n',
        "message": 'secret_hint = "Name of your first pet, in 20 letters at most"\n',
        "path": 'token_path = "/var/lib/app2/tokens/v3/current"\nkey_file="~/.keys/k1.json"\n',
        "names": "const passwordResetTokenExpiry2 = PasswordResetTokenExpiryV2Impl;\n",
        "css": ".access-token-badge-2 { color: #a1b2c3; }\n",
        "certificate": f"-----BEGIN CERTIFICATE-----\n{b64(rng, 48)}\n-----END CERTIFICATE-----\n",
        "public key": f"-----BEGIN PUBLIC KEY-----\n{b64(rng, 48)}\n-----END PUBLIC KEY-----\n",
        "ssh public": f"ssh-ed25519 {b64(rng, 51)} me@host\n",
        "css class": '"sk-folding-cube sk-cube-grid-of-nine-cubes"\n',
        "kebab": "data-risk-assessment-questionnaire-section-12-of-15\n",
        "uuid url": "https://example.com/d/0b9c7a52-9d2c-4a8e-9c55-0a1b2c3d4e5f/edit\n",
        "regex": r'TOKEN_RE = re.compile(r"[A-Za-z0-9_]{20,40}")' + "\n",
        "csrf": '<input name="csrf_token" value="{{ csrf_token() }}">\n',
        "enum": "TOKEN_KIND_IDENTIFIER_2 = 14\nSECRET_LEVEL = 'top-level'\n",
    }
