"""What has no content that could be a key, and what to pass instead.

The table is by name, so that nothing is imported for it. Subclasses are refused like their base.
"""

from __future__ import annotations

from afml_cache.keys.resolve import REFUSED

_ITEMS = "It can be read only once: pass a list or a tuple of its items."
_FILE = "Pass its path, or what it holds."
_LOCK = "Leave it out, or define __afml_key__() on the class that holds it."
_RUNNING = "Pass the result it is to bring."
_QUEUE = "Pass a list of its items."
_CONNECTION = "Pass what it takes to connect (a URL, a path) and connect inside the function."
_WEAK = "Pass the object it refers to."
_FRAME = "It belongs to running code: pass the values it holds."

_TABLE: dict[tuple[str, str], str] = {
    ("a generator", _ITEMS): "builtins.generator",
    ("an asynchronous generator", _ITEMS): "builtins.async_generator",
    ("a coroutine", _RUNNING): "builtins.coroutine types.CoroutineType",
    ("an open file or stream", _FILE): (
        "_io._IOBase _io.BytesIO _io.StringIO io.IOBase tempfile._TemporaryFileWrapper "
        "tempfile.SpooledTemporaryFile codecs.StreamReaderWriter codecs.StreamReader"
    ),
    ("an open archive", _FILE): "zipfile.ZipFile tarfile.TarFile",
    ("a memory map of a file", _FILE): "mmap.mmap",
    ("a directory that is being read", _ITEMS): "posix.ScandirIterator nt.ScandirIterator",
    ("a lock", _LOCK): (
        "_thread.lock _thread.RLock threading._RLock threading.Condition threading.Semaphore "
        "threading.Event threading.Barrier multiprocessing.synchronize.SemLock "
        "multiprocessing.synchronize.Condition multiprocessing.synchronize.Event "
        "asyncio.locks.Lock asyncio.locks.Event asyncio.locks.Condition asyncio.locks.Semaphore "
        "filelock._api.BaseFileLock"
    ),
    ("a thread", _RUNNING): "threading.Thread",
    ("data of one thread", _LOCK): "_thread._local _threading_local.local",
    ("a process", _RUNNING): "multiprocessing.process.BaseProcess subprocess.Popen",
    ("an executor", _RUNNING): "concurrent.futures._base.Executor multiprocessing.pool.Pool",
    (
        "a future",
        _RUNNING,
    ): "concurrent.futures._base.Future _asyncio.Future asyncio.futures.Future",
    ("an event loop", _RUNNING): "asyncio.events.AbstractEventLoop",
    ("a queue", _QUEUE): (
        "queue.Queue _queue.SimpleQueue multiprocessing.queues.Queue "
        "multiprocessing.queues.SimpleQueue asyncio.queues.Queue"
    ),
    ("a socket", _CONNECTION): "_socket.socket socket.socket ssl.SSLSocket _ssl._SSLContext",
    ("a selector", _CONNECTION): "selectors.BaseSelector",
    ("a connection", _CONNECTION): (
        "multiprocessing.connection._ConnectionBase sqlite3.Connection sqlite3.Cursor "
        "http.client.HTTPConnection ftplib.FTP smtplib.SMTP sqlalchemy.engine.base.Engine "
        "sqlalchemy.engine.base.Connection sqlalchemy.orm.session.Session "
        "psycopg2.extensions.connection psycopg.Connection psycopg.AsyncConnection "
        "pymongo.mongo_client.MongoClient redis.client.Redis _duckdb.DuckDBPyConnection "
        "duckdb.duckdb.DuckDBPyConnection requests.sessions.Session httpx.Client"
    ),
    ("a weak reference", _WEAK): (
        "weakref.ReferenceType weakref.ProxyType weakref.CallableProxyType weakref.finalize "
        "weakref.WeakSet _weakrefset.WeakSet weakref.WeakKeyDictionary weakref.WeakValueDictionary"
    ),
    ("a stack frame", _FRAME): "builtins.frame builtins.traceback types.FrameType",
    ("a context variable", _FRAME): "_contextvars.ContextVar _contextvars.Context builtins.Context "
    "builtins.ContextVar",
}

for (_what, _remedy), _names in _TABLE.items():
    for _name in _names.split():
        REFUSED[_name] = (_what, _remedy)
