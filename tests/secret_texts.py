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
    "github app": lambda r: f"ghs_{some(r, ALNUM, 30)}.{some(r, ALNUM, 60)}.{some(r, ALNUM, 40)}",
    "gitlab routable": lambda r: f"glpat-{some(r, ALNUM, 27)}.01.{some(r, HEX, 9)}",
    "slack browser": lambda r: f"xoxc-{some(r, string.digits, 12)}-{some(r, HEX, 60)}",
    "slack rotating": lambda r: f"xoxe.xoxp-1-{some(r, ALNUM, 150)}",
    "doppler": lambda r: f"dp.st.prd.{some(r, ALNUM, 43)}",
    "docker": lambda r: "dckr_oat_" + some(r, ALNUM, 32),
    "langsmith": lambda r: f"lsv2_pt_{some(r, HEX, 32)}_{some(r, HEX, 10)}",
    "vercel": lambda r: "vcp_" + some(r, ALNUM, 56),
    "supabase": lambda r: f"sb_secret_{some(r, ALNUM, 22)}_{some(r, ALNUM, 8)}",
    "planetscale": lambda r: "pscale_tkn_" + some(r, ALNUM, 43),
    "netlify": lambda r: "nfp_" + some(r, ALNUM, 36),
    "fly": lambda r: "fm2_" + some(r, ALNUM, 200),
    "bitbucket": lambda r: "ATBB" + some(r, ALNUM, 32),
    "figma": lambda r: "figd_" + some(r, ALNUM + "-_", 40),
    "airtable": lambda r: f"pat{some(r, ALNUM, 14)}.{some(r, HEX, 64)}",
    "square": lambda r: "EAAA" + some(r, ALNUM + "-_", 60),
    "facebook": lambda r: "EAAG" + some(r, ALNUM, 150),
    "sentry": lambda r: "sntryu_" + some(r, HEX, 64),
    "posthog": lambda r: "phx_" + some(r, ALNUM, 43),
    "pulumi": lambda r: "pul-" + some(r, HEX, 40),
    "tavily": lambda r: "tvly-dev-" + some(r, ALNUM, 32),
    "elevenlabs": lambda r: "sk_" + some(r, HEX, 48),
    "nvidia": lambda r: "nvapi-" + some(r, ALNUM + "-_", 64),
    "jfrog": lambda r: "AKCp" + some(r, ALNUM, 69),
    "resend": lambda r: f"re_{some(r, ALNUM, 8)}_{some(r, ALNUM, 24)}",
    "brevo": lambda r: f"xkeysib-{some(r, HEX, 64)}-{some(r, ALNUM, 16)}",
    "gemini": lambda r: "AQ.Ab8RN6" + some(r, ALNUM + "-_", 44),
    "discord": lambda r: f"MT{some(r, ALNUM, 24)}.{some(r, ALNUM, 6)}.{some(r, ALNUM, 38)}",
    "jwt encrypted": lambda r: (
        f"eyJ{some(r, ALNUM, 30)}.{some(r, ALNUM, 60)}.{some(r, ALNUM, 16)}."
        f"{some(r, ALNUM, 60)}.{some(r, ALNUM, 22)}"
    ),
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
    "long": lambda r: ('aws_session_token = "{}"\n', some(r, ALNUM + "+/", 700)),
    "long and bare": lambda r: ("aws_session_token = {}\n", some(r, ALNUM + "+/", 700)),
    "escaped": lambda r: ('"source": "api_key = \\"{}\\"\\n"', some(r, ALNUM, 32)),
    "in brackets": lambda r: ('API_KEY = (\n    "{}"\n)\n', some(r, ALNUM, 32)),
    "three quotes": lambda r: ('token = """{}"""\n', some(r, ALNUM, 32)),
    "yaml block": lambda r: ("api_key: >-\n  {}\nport: 1\n", some(r, ALNUM, 40)),
    "element": lambda r: ("<password>{}</password>\n", some(r, ALNUM, 20)),
    "attribute": lambda r: ('<add key="ApiKey" value="{}" />\n', some(r, ALNUM, 32)),
    "rust": lambda r: ('const API_KEY: &\'static str = "{}";\n', some(r, ALNUM, 32)),
    "default": lambda r: ('os.getenv("API_TOKEN", "{}")\n', some(r, ALNUM, 32)),
    "or": lambda r: ('const key = process.env.API_TOKEN ?? "{}";\n', some(r, ALNUM, 32)),
    "setter": lambda r: ('client.setPassword("{}");\n', "Kw" + some(r, string.digits, 3) + "!r&zQ"),
    "define": lambda r: (
        "define('DB_PASSWORD', '{}');\n",
        "Kw" + some(r, string.digits, 3) + "!r&zQ",
    ),
    "short name": lambda r: ('DB_PASS="{}"\n', "Kw" + some(r, string.digits, 3) + "!r&zQ"),
    "signs": lambda r: ("SECRET_KEY = '{}'\n", "Kq7%" + some(r, ALNUM + "!@#$%^&*(-_=+)", 46)),
    "hex": lambda r: ("DD_API_KEY={}\n", some(r, HEX, 32)),
    "flag": lambda r: ("run --token {} now\n", some(r, ALNUM, 32)),
    "user": lambda r: ("curl -u admin:{} https://x\n", some(r, ALNUM, 24)),
    "scheme": lambda r: ("Authorization: token {}\n", some(r, HEX, 40)),
    "no scheme": lambda r: ('{{"Authorization": "{}"}}\n', some(r, ALNUM, 40)),
    "upper": lambda r: ("AUTHORIZATION: BEARER {}\n", some(r, ALNUM, 40)),
    "encoded": lambda r: ("postgres://u:{}@h/db\n", some(r, ALNUM, 8) + "%40" + some(r, ALNUM, 4)),
    "in the user's place": lambda r: ("https://{}@github.com/x/y\n", some(r, HEX, 40)),
    "docker": lambda r: ('{{"auths": {{"x": {{"auth": "{}"}}}}}}\n', b64(r, 30)),
    "netrc": lambda r: ("machine x login y password {}\n", some(r, ALNUM, 14)),
    "aws console": lambda r: (
        "AKIA" + some(r, string.ascii_uppercase + "234567", 16) + ",{}\n",
        some(r, ALNUM + "+/", 40),
    ),
    "signature": lambda r: ("https://x.net/c?sv=2022&sig={}%3D\n", some(r, ALNUM, 43)),
    "web key": lambda r: ('{{"kty": "RSA", "d": "{}"}}\n', some(r, ALNUM + "-_", 300)),
    "putty": lambda r: ("Private-Lines: 1\n{}\nPrivate-MAC: x\n", some(r, ALNUM + "+/", 64)),
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
        "policy": '"Role2": "arn:aws-us-gov:iam::aws:policy/service-role/AmazonEC2RoleforSSM2"\n',
        "flag with an id": f"--lock-token {uuid.UUID(bytes=rng.randbytes(16), version=4)}\n",
        "flag with a variable": "run --token $TOKEN_2026 --password ${PASS1} -u admin:$PASSWORD1\n",
        "encoded data": f"x = '{b64(rng, 90)}/EAA{b64(rng, 90)}'\n",
        "passenger": "passenger_code = 'Ab12-cd9'\nbypass: 'x-forwarded-for'\n",
        "asked": 'getpass("Password 2: ")\nget_secret("prod/MyApp/Db1")\n',
        "enum": "TOKEN_KIND_IDENTIFIER_2 = 14\nSECRET_LEVEL = 'top-level'\n",
    }
