"""All settings, every value from the environment, safe when nothing is set.

While `make run` serves a state folder, FERSITE_STATE/services.json names its services; a variable that is set wins.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from botocore.config import Config
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from fersite.loopback import bypass_proxies

bypass_proxies()
BASE_DIR = Path(__file__).resolve().parent.parent
FERSITE_STATE = Path(os.environ.get("FERSITE_STATE") or "var")
if not FERSITE_STATE.is_absolute():
    FERSITE_STATE = BASE_DIR / FERSITE_STATE


def read_services() -> dict[str, str]:
    """What the process manager wrote about the services of this state; {} when it does not run."""
    try:
        services: dict[str, str] = json.loads((FERSITE_STATE / "services.json").read_text())
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise ImproperlyConfigured(f"{FERSITE_STATE}/services.json belongs to another user: run as that user") from None
    if os.environ.get("S3_ENDPOINT_URL") or os.environ.get("AWS_STORAGE_BUCKET_NAME"):
        services = {key: value for key, value in services.items() if not key.startswith(("S3_", "AWS_"))}
    return services


_services = read_services()


def env(name: str, default: str = "") -> str:
    """The variable, else what services.json says, else the default; an empty variable counts as not set."""
    if name in _services and name.startswith("AWS_"):  # a local S3 server: keys meant for Amazon's do not open it
        return _services[name]
    return os.environ.get(name) or _services.get(name) or default


def env_flag(name: str, *, default: bool = False) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off."""
    value = env(name, "1" if default else "0").strip().lower()
    if value not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}")
    return value in {"1", "true", "yes", "on"}


def env_int(name: str, default: int) -> int:
    """The variable as a whole number; ImproperlyConfigured for anything else."""
    value = env(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None


def env_float(name: str, default: float) -> float:
    """The variable as a number; ImproperlyConfigured for anything else."""
    value = env(name, str(default))
    try:
        return float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}") from None


def env_list(name: str) -> list[str]:
    """The words of a variable, which commas separate."""
    return [word.strip() for word in env(name).split(",") if word.strip()]


def require(name: str, example: str) -> str:
    """The value of a variable that has no safe default; ImproperlyConfigured where it is not set."""
    value = env(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set, for example {example}; or start the site with `make run`")
    return value


# Core

DEBUG = env_flag("DEBUG")
SECRET_KEY = require("SECRET_KEY", "50 random characters")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "fersite.urls"
WSGI_APPLICATION = "fersite.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.GuessLimitedBackend"]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

INSTALLED_APPS = [
    "accounts",
    "classifier",
    "dashboard",
    "fersite.apps.FersiteConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",  # urls.py loads the admin classes: workers need none
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "django_celery_beat",
    "django_prometheus",
    "pgtrigger",
    "storages",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "fersite.headers.SecurityHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "fersite.health.HealthMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "fersite.charset.CharsetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "fersite.metering.RequestMetricsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.passwords.NewPasswordValidator"},  # checks nothing, hears of it
]

# Transport: HTTPS only, unless `make run` serves plain HTTP on loopback.

FERSITE_INSECURE_HTTP = env_flag("FERSITE_INSECURE_HTTP")
_https = not (DEBUG or FERSITE_INSECURE_HTTP)
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env_flag("FERSITE_BEHIND_PROXY"):  # only where a proxy sets this header itself: a client could forge it
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    MIDDLEWARE.insert(0, "fersite.proxy.ProxyAddressMiddleware")

# Stores: PostgreSQL, Redis, S3

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        require("DATABASE_URL", "postgresql://user:password@host/fersite"), conn_max_age=60, conn_health_checks=True
    )
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgresql://user:password@host/fersite")
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)

REDIS_URL = require("REDIS_URL", "redis://host:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "fersite",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

AWS_STORAGE_BUCKET_NAME = env("AWS_STORAGE_BUCKET_NAME", "fersite")
AWS_ACCESS_KEY_ID = env("AWS_ACCESS_KEY_ID") or None
AWS_SECRET_ACCESS_KEY = env("AWS_SECRET_ACCESS_KEY") or None
AWS_S3_REGION_NAME = env("AWS_S3_REGION_NAME", "us-east-1")
S3_ENDPOINT_URL = env("S3_ENDPOINT_URL") or None
S3_PUBLIC_ENDPOINT_URL = env("S3_PUBLIC_ENDPOINT_URL") or S3_ENDPOINT_URL
S3_CLIENT_CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path" if S3_ENDPOINT_URL else "auto"},
    # Somebody waits for the answer: a bucket that hangs is "try again in a moment", not a minute of silence.
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=32,
)
STORAGES: dict[str, Any] = {
    "default": {
        "BACKEND": "fersite.s3.PrivateS3Storage",
        "OPTIONS": {
            "bucket_name": AWS_STORAGE_BUCKET_NAME,
            "access_key": AWS_ACCESS_KEY_ID,
            "secret_key": AWS_SECRET_ACCESS_KEY,
            "region_name": AWS_S3_REGION_NAME,
            "endpoint_url": S3_ENDPOINT_URL,
            "client_config": S3_CLIENT_CONFIG,
            "default_acl": None,
            "querystring_auth": True,
            "querystring_expire": 300,
            "file_overwrite": False,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Static files: ours, and npm's straight from node_modules

STATIC_URL = "/static/"
STATIC_ROOT = FERSITE_STATE / "static"
_static_sources = [
    ("", "static"),
    ("vendor/bootstrap", "node_modules/bootstrap/dist"),
    ("vendor/chartjs", "node_modules/chart.js/dist"),
]
STATICFILES_DIRS = [
    (prefix, BASE_DIR / folder) if prefix else BASE_DIR / folder
    for prefix, folder in _static_sources
    if (BASE_DIR / folder).is_dir()
]

# Mail: printed to the log unless EMAIL_URL names a server: smtp+tls://user:password@host:587

_mail = urlsplit(env("EMAIL_URL", "console:"))
if _mail.scheme not in {"console", "smtp", "smtp+tls", "smtps"}:
    raise ImproperlyConfigured("EMAIL_URL must start with smtp://, smtp+tls:// or smtps://")
EMAIL_BACKEND = f"django.core.mail.backends.{'console' if _mail.scheme == 'console' else 'smtp'}.EmailBackend"
EMAIL_HOST = _mail.hostname or "localhost"
EMAIL_PORT = _mail.port or {"smtps": 465, "smtp+tls": 587}.get(_mail.scheme, 25)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("DEFAULT_FROM_EMAIL", "fersite@localhost")

# Work

FERSITE_UPLOADS_PER_HOUR = env_int("FERSITE_UPLOADS_PER_HOUR", 200)
FERSITE_SIGNUPS_PER_HOUR = env_int("FERSITE_SIGNUPS_PER_HOUR", 100)  # from one address
FERSITE_ANSWERS_PER_HOUR = env_int("FERSITE_ANSWERS_PER_HOUR", 3600)  # about faces, of one person
# Of the photos uploaded on the page, how many are asked before the network's answer is shown: an unbiased accuracy.
FERSITE_BLIND_PERCENT = env_int("FERSITE_BLIND_PERCENT", 10)
# Of the faces put to people in the queue for labelling, how many are drawn at random; the others, least certain first.
FERSITE_RANDOM_PERCENT = env_int("FERSITE_RANDOM_PERCENT", 20)
FERSITE_LEASE_SECONDS = env_int("FERSITE_LEASE_SECONDS", 30)  # how long a worker may take for one photo
FERSITE_MAX_ATTEMPTS = env_int("FERSITE_MAX_ATTEMPTS", 3)  # then the upload is dead, until somebody tries it again
FERSITE_RETRY_SECONDS = env_int("FERSITE_RETRY_SECONDS", 5)  # wait after the first failure; doubles with each

# Retraining: when it starts by itself, and what a new network must show before it serves (points are percentages).

FERSITE_RETRAIN_SAMPLES = env_int("FERSITE_RETRAIN_SAMPLES", 100)  # approved since the last run
FERSITE_RETRAIN_PEOPLE = env_int("FERSITE_RETRAIN_PEOPLE", 3)  # whose answers they are, at least
FERSITE_RETRAIN_EPOCHS = env_int("FERSITE_RETRAIN_EPOCHS", 2)
FERSITE_TRAINING_LEASE_SECONDS = env_int("FERSITE_TRAINING_LEASE_SECONDS", 60)  # renewed while the worker lives
FERSITE_AUTO_PROMOTE = env_flag("FERSITE_AUTO_PROMOTE", default=True)  # off: every candidate waits for staff
FERSITE_GATE_DROP = env_float("FERSITE_GATE_DROP", 1.0)  # points the frozen set's accuracy may fall
FERSITE_GATE_LOWEST = env_float("FERSITE_GATE_LOWEST", 2.0)  # points its lower 95 % bound may be below 0
FERSITE_GATE_TRUSTED = env_int("FERSITE_GATE_TRUSTED", 50)  # trusted held-out corrections; fewer: staff decide
FERSITE_GATE_RECALL = env_float("FERSITE_GATE_RECALL", 5.0)  # points a label's recall may fall
FERSITE_GATE_ECE = env_float("FERSITE_GATE_ECE", 0.03)
FERSITE_GATE_MS = env_float("FERSITE_GATE_MS", 25.0)  # one face on one thread, the worker busy or not
FERSITE_GATE_MB = env_float("FERSITE_GATE_MB", 25.0)

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT = "fersite.broker:Transport"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 1, "socket_timeout": 5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "inference"
CELERY_IMPORTS = ("classifier.serving.worker",)
CELERY_TASK_ROUTES = {
    "dashboard.tasks.*": {"queue": "upkeep"},
    "classifier.tasks.train_network": {"queue": "training"},
    # Behind a backlog of photos these would come too late.
    "classifier.tasks.sweep_uploads": {"queue": "upkeep"},
    "classifier.tasks.sweep_faces": {"queue": "upkeep"},
    "classifier.tasks.sweep_bulk_reviews": {"queue": "upkeep"},
    "classifier.tasks.sweep_runs": {"queue": "upkeep"},
    "classifier.tasks.sweep_dataset": {"queue": "upkeep"},
}
CELERY_WORKER_CONCURRENCY = max(
    1, min(4, (os.cpu_count() or 2) // 2)
)  # processes for photos; Procfile says the others'
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A process says that it is up once it has loaded the network; on a busy machine that takes longer than Celery's 4 s,
# after which it would be killed, and the next one too.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 120.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {  # written over what admin says with every start; the nightly check is admin's to edit
    # expire_seconds, as django-celery-beat reads it: a sweep that waited behind photos for a whole period has nothing
    # left to do.
    "sweep-runs": {"task": "classifier.tasks.sweep_runs", "schedule": 30.0, "options": {"expire_seconds": 30}},
    "sweep-bulk-reviews": {
        "task": "classifier.tasks.sweep_bulk_reviews",
        "schedule": 15.0,
        "options": {"expire_seconds": 15},
    },
    "sweep-uploads": {"task": "classifier.tasks.sweep_uploads", "schedule": 5.0, "options": {"expire_seconds": 5}},
    "sweep-faces": {"task": "classifier.tasks.sweep_faces", "schedule": 5.0, "options": {"expire_seconds": 5}},
    # Lists the whole dataset in the bucket.
    "sweep-dataset": {
        "task": "classifier.tasks.sweep_dataset",
        "schedule": crontab(hour="3", minute="30"),
        "options": {"expire_seconds": 3600},
    },
    "roll-up": {"task": "dashboard.tasks.roll_up", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "sample-queue": {"task": "dashboard.tasks.sample_queue", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "check-alerts": {"task": "dashboard.tasks.check_alerts", "schedule": 300.0, "options": {"expire_seconds": 300}},
}

# For Prometheus at /metrics, beside the tokens of staff; empty: theirs only.
FERSITE_METRICS_TOKEN = env("FERSITE_METRICS_TOKEN")

# Bodies: files are taken where photos are uploaded, nowhere else (see classifier.api.bodies)

FILE_UPLOAD_HANDLERS = [
    "classifier.api.bodies.SmallBody",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# HTTP API

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "fersite",
    "VERSION": "1",
    "DESCRIPTION": "Hand in photos of faces, read which expression each face appears to show.",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,  # a file is bytes going in and an address coming out
    "ENUM_NAME_OVERRIDES": {
        "Label": "classifier.api.serializers.LABELS",
        "Answer": "classifier.api.serializers.ANSWERS",
        "CorrectionState": "classifier.models.Correction.State",
        "UploadStatus": "classifier.models.Upload.Status",
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
