import type { Capability } from '../../domain/ports/code-analyzer.ts'

/**
 * A condition on one argument of the call. It is tested on what the argument is known to be: the value of a
 * constant string, number or `None`, or, with `takesNames`, names as written (`os.O_RDONLY|os.O_CLOEXEC`, `lambda`).
 */
export interface ArgumentCondition {
  /** Counts from 0; null when it can only be given by name. */
  readonly position: number | null
  readonly keyword: string | null
  readonly matches: RegExp
  /** True when names as written are known well enough to be tested. */
  readonly takesNames?: true
  /** What holds when the call does not pass the argument. */
  readonly whenAbsent: boolean
  /** What holds when it is not known: computed, spread, or the function is handed on instead of called. */
  readonly whenUnknown: boolean
}

export interface CapabilityRule {
  /**
   * Qualified names. `()` stands for what a call returns; a final `*` for the rest of the last name.
   * Several names that differ at one place are written `a.{b,c}`.
   */
  readonly names: readonly string[]
  readonly capability: Capability
  readonly when?: ArgumentCondition
  /** True when reading the name is the use already, called or not. */
  readonly onRead?: true
  /** For the reviewer: what the code can do with it. */
  readonly why: string
}

const writeMode = /[wax+]/
const readMode = /^[^wax+]*$/

function readsAt(position: number, keyword = 'mode'): ArgumentCondition {
  return { position, keyword, matches: readMode, whenAbsent: true, whenUnknown: false }
}

function writesAt(position: number, keyword = 'mode'): ArgumentCondition {
  return { position, keyword, matches: writeMode, whenAbsent: false, whenUnknown: true }
}

const readingFlags =
  /^(?:\w+\.)?O_(?:RDONLY|CLOEXEC|NOFOLLOW|DIRECTORY|BINARY|NONBLOCK|PATH|NOCTTY)(?:\|(?:\w+\.)?O_(?:RDONLY|CLOEXEC|NOFOLLOW|DIRECTORY|BINARY|NONBLOCK|PATH|NOCTTY))*$|^0$/
const otherFlags = new RegExp(`^(?!(?:${readingFlags.source}))`)

const secondArgumentOpeners = [
  'builtins.open',
  'io.open',
  'io.FileIO',
  'codecs.open',
  'os.fdopen',
  'gzip.{open,GzipFile}',
  'bz2.{open,BZ2File}',
  'lzma.{open,LZMAFile}',
  'zipfile.{ZipFile,PyZipFile}',
  'tarfile.{open,TarFile,TarFile.open}',
  'wave.open',
  'aiofiles.open',
  'h5py.File',
]

/** What each name of Python's standard library, and of packages that everyone uses, lets code do. */
export const pythonRules: readonly CapabilityRule[] = [
  // Files
  { names: secondArgumentOpeners, capability: 'FILESYSTEM_READ', when: readsAt(1), why: 'opens a file to read' },
  { names: secondArgumentOpeners, capability: 'FILESYSTEM_WRITE', when: writesAt(1), why: 'opens a file to write' },
  {
    names: ['pathlib.Path().open', 'zipfile.Path().open', 'argparse.FileType'],
    capability: 'FILESYSTEM_READ',
    when: readsAt(0),
    why: 'opens a file to read',
  },
  {
    names: ['pathlib.Path().open', 'zipfile.Path().open', 'argparse.FileType'],
    capability: 'FILESYSTEM_WRITE',
    when: writesAt(0),
    why: 'opens a file to write',
  },
  { names: ['pathlib.Path.open'], capability: 'FILESYSTEM_READ', when: readsAt(1), why: 'opens a file to read' },
  { names: ['pathlib.Path.open'], capability: 'FILESYSTEM_WRITE', when: writesAt(1), why: 'opens a file to write' },
  {
    names: ['os.open'],
    capability: 'FILESYSTEM_READ',
    when: {
      position: 1,
      keyword: 'flags',
      takesNames: true,
      matches: readingFlags,
      whenAbsent: false,
      whenUnknown: false,
    },
    why: 'opens a file to read',
  },
  {
    names: ['os.open'],
    capability: 'FILESYSTEM_WRITE',
    when: { position: 1, keyword: 'flags', takesNames: true, matches: otherFlags, whenAbsent: true, whenUnknown: true },
    why: 'opens a file to write or create',
  },
  {
    names: [
      'os.{listdir,scandir,walk,fwalk,readlink,listxattr,getxattr}',
      'io.open_code',
      'glob.{glob,iglob,glob0,glob1}',
      'linecache.{getline,getlines,updatecache}',
      'filecmp.{cmp,cmpfiles,dircmp}',
      'pathlib.Path{,()}.{read_text,read_bytes,iterdir,glob,rglob,walk,readlink}',
      'zipfile.{is_zipfile,Path().read_text,Path().read_bytes,Path().iterdir}',
      'tarfile.is_tarfile',
      'tokenize.open',
      'mimetypes.{read_mime_types,init}',
      'netrc.netrc',
      'configparser.{ConfigParser,RawConfigParser,SafeConfigParser}().read',
      'plistlib.readPlist',
      'numpy.{loadtxt,genfromtxt,fromfile,memmap,load}',
      'pandas.{read_csv,read_table,read_fwf,read_excel,read_json,read_parquet,read_feather,read_hdf,read_xml,read_orc}',
      'PIL.Image.open',
      'dotenv.{load_dotenv,dotenv_values}',
      'importlib.resources.{read_text,read_binary,open_text,open_binary}',
      'pkgutil.get_data',
      'xml.etree.ElementTree.{parse,iterparse}',
      'xml.dom.minidom.parse',
      'xml.sax.parse',
    ],
    capability: 'FILESYSTEM_READ',
    why: 'reads, lists or walks files',
  },
  {
    names: ['fileinput.{input,FileInput}'],
    capability: 'FILESYSTEM_READ',
    why: 'reads the files named on the command line or given',
  },
  {
    names: ['fileinput.{input,FileInput}'],
    capability: 'FILESYSTEM_WRITE',
    when: { position: 1, keyword: 'inplace', matches: /^(?!(?:False|0)$)/, whenAbsent: false, whenUnknown: true },
    why: 'rewrites files in place',
  },
  {
    names: [
      'os.{remove,unlink,rmdir,removedirs,mkdir,makedirs,mkfifo,mknod,rename,renames,replace,link,symlink,truncate,ftruncate}',
      'os.{chmod,fchmod,lchmod,chown,fchown,lchown,chflags,lchflags,utime,setxattr,removexattr,copy_file_range,sendfile,memfd_create}',
      'shutil.{copy,copy2,copyfile,copymode,copystat,copytree,move,rmtree,chown,make_archive,unpack_archive}',
      'pathlib.Path{,()}.{write_text,write_bytes,mkdir,touch,unlink,rmdir,rename,replace,chmod,lchmod,symlink_to,hardlink_to,link_to,copy,copy_into,move,move_into}',
      'tempfile.{TemporaryFile,NamedTemporaryFile,SpooledTemporaryFile,TemporaryDirectory,mkstemp,mkdtemp,mktemp}',
      'zipfile.ZipFile().{extract,extractall,write,writestr,mkdir}',
      'tarfile.TarFile().{extract,extractall,add,addfile}',
      'logging.FileHandler',
      'logging.handlers.{RotatingFileHandler,TimedRotatingFileHandler,WatchedFileHandler,BaseRotatingHandler}',
      'dbm.open',
      'dbm.{dumb,gnu,ndbm,sqlite3}.open',
      'shelve.{open,DbfilenameShelf}',
      'mailbox.{Maildir,mbox,MH,Babyl,MMDF}',
      'py_compile.compile',
      'compileall.{compile_dir,compile_file,compile_path}',
      'zipapp.create_archive',
      'venv.{create,EnvBuilder}',
      'distutils.{file_util,dir_util,archive_util}.*',
      'numpy.{save,savez,savez_compressed,savetxt}',
      'joblib.dump',
      'torch.save',
      'faulthandler.dump_traceback_later',
    ],
    capability: 'FILESYSTEM_WRITE',
    why: 'creates, changes or deletes files',
  },
  {
    names: ['sqlite3.{connect,Connection,dbapi2.connect}'],
    capability: 'FILESYSTEM_WRITE',
    when: { position: 0, keyword: 'database', matches: /^(?!:memory:$)/, whenAbsent: true, whenUnknown: true },
    why: 'opens a database file',
  },
  {
    names: ['logging.basicConfig'],
    capability: 'FILESYSTEM_WRITE',
    when: { position: null, keyword: 'filename', matches: /^(?!None$)/, whenAbsent: false, whenUnknown: true },
    why: 'logs to a file',
  },

  // Clients of network protocols
  {
    names: [
      'urllib.request.{urlopen,urlretrieve,build_opener,URLopener,FancyURLopener,OpenerDirector}',
      'urllib.{urlopen,urlretrieve}',
      'urllib2.urlopen',
      'urllib.robotparser.RobotFileParser().read',
      'http.client.{HTTPConnection,HTTPSConnection}',
      'httplib.{HTTPConnection,HTTPSConnection}',
      'ftplib.{FTP,FTP_TLS}',
      'smtplib.{SMTP,SMTP_SSL,LMTP}',
      'poplib.{POP3,POP3_SSL}',
      'imaplib.{IMAP4,IMAP4_SSL,IMAP4_stream}',
      'nntplib.{NNTP,NNTP_SSL}',
      'telnetlib.Telnet',
      'xmlrpc.client.{ServerProxy,Server,Transport,SafeTransport}',
      'logging.handlers.{HTTPHandler,SMTPHandler}',
      'ssl.get_server_certificate',
      'socket.{getaddrinfo,gethostbyname,gethostbyname_ex,gethostbyaddr,getnameinfo,getfqdn}',
      'requests.{get,post,put,patch,delete,head,options,request,Session,session}',
      'requests.api.*',
      'requests.{sessions.Session,Session}().{get,post,put,patch,delete,head,options,request,send}',
      'requests.sessions.Session',
      'httpx.{get,post,put,patch,delete,head,options,request,stream,Client,AsyncClient}',
      'httpx.{Client,AsyncClient}().{get,post,put,patch,delete,head,options,request,stream,send}',
      'aiohttp.{ClientSession,request}',
      'aiohttp.ClientSession().{get,post,put,patch,delete,head,options,request,ws_connect}',
      'urllib3.{PoolManager,ProxyManager,HTTPConnectionPool,HTTPSConnectionPool,request,connection_from_url}',
      'httplib2.Http',
      'pycurl.Curl',
      'paramiko.{SSHClient,Transport}',
      'asyncssh.connect',
      'websockets.{connect,client.connect,sync.client.connect}',
      'websocket.{create_connection,WebSocketApp,WebSocket}',
      'grpc.{insecure_channel,secure_channel}',
      'grpc.aio.{insecure_channel,secure_channel}',
      'boto3.{client,resource,Session,session.Session}',
      'redis.{Redis,StrictRedis,from_url}',
      'pymongo.MongoClient',
      'psycopg2.connect',
      'psycopg.{connect,Connection.connect,AsyncConnection.connect}',
      'asyncpg.{connect,create_pool}',
      'pymysql.connect',
      'MySQLdb.connect',
      'mysql.connector.connect',
      'elasticsearch.Elasticsearch',
      'pika.BlockingConnection',
      'kafka.{KafkaProducer,KafkaConsumer}',
      'dns.resolver.{query,resolve}',
      'openai.{OpenAI,AsyncOpenAI}',
      'anthropic.{Anthropic,AsyncAnthropic}',
      'docker.{from_env,DockerClient}',
    ],
    capability: 'NETWORK_REQUEST',
    why: 'talks to another machine',
  },

  // Sockets
  {
    names: [
      'socket.{socket,create_connection,create_server,socketpair,fromfd,fromshare,SocketType}',
      'asyncio.{open_connection,start_server,open_unix_connection,start_unix_server}',
      'asyncio.loop().{create_connection,create_server,create_unix_connection,create_unix_server,create_datagram_endpoint,sock_connect,sock_accept,connect_accepted_socket}',
      'socketserver.{TCPServer,UDPServer,ThreadingTCPServer,ThreadingUDPServer,ForkingTCPServer,ForkingUDPServer,UnixStreamServer,UnixDatagramServer,ThreadingUnixStreamServer,ThreadingUnixDatagramServer,BaseServer}',
      'http.server.{HTTPServer,ThreadingHTTPServer,HTTPSServer,test}',
      'wsgiref.simple_server.{make_server,WSGIServer}',
      'xmlrpc.server.{SimpleXMLRPCServer,DocXMLRPCServer}',
      'ssl.{wrap_socket,SSLSocket}',
      'ssl.SSLContext().wrap_socket',
      'asyncore.{dispatcher,dispatcher_with_send}',
      'asynchat.async_chat',
      'smtpd.{SMTPServer,DebuggingServer,PureProxy}',
      'multiprocessing.connection.{Listener,Client}',
      'logging.handlers.{SocketHandler,DatagramHandler,SysLogHandler}',
      'logging.config.listen',
      'websockets.{serve,server.serve,sync.server.serve}',
      'aiohttp.web.run_app',
      'uvicorn.run',
      'flask.Flask().run',
      'zmq.Context().socket',
    ],
    capability: 'SOCKET',
    why: 'opens a socket or listens on one',
  },

  // Processes
  {
    names: [
      'subprocess.{run,call,check_call,check_output,Popen,getoutput,getstatusoutput}',
      'os.{system,popen,popen2,popen3,popen4,startfile,fork,forkpty,openpty,posix_spawn,posix_spawnp,login_tty}',
      'os.exec*',
      'os.spawn*',
      '_posixsubprocess.fork_exec',
      '_winapi.CreateProcess',
      'pty.{spawn,fork,openpty}',
      'asyncio.{create_subprocess_exec,create_subprocess_shell}',
      'asyncio.subprocess.{create_subprocess_exec,create_subprocess_shell}',
      'asyncio.loop().{subprocess_exec,subprocess_shell}',
      'multiprocessing.{Process,Pool,Manager}',
      'multiprocessing.{process.BaseProcess,context.Process,pool.Pool,managers.BaseManager,managers.SyncManager}',
      'concurrent.futures.{ProcessPoolExecutor,process.ProcessPoolExecutor}',
      'ctypes.{CDLL,PyDLL,WinDLL,OleDLL}',
      'ctypes.{cdll,pydll,windll,oledll}.{LoadLibrary,__getitem__}',
      'ctypes.LibraryLoader',
      'ctypes.util.find_library',
      'cffi.FFI().dlopen',
      'webbrowser.{open,open_new,open_new_tab,get}',
      'commands.{getoutput,getstatusoutput}',
      'popen2.{popen2,popen3,popen4}',
      'distutils.spawn.spawn',
      'venv.{create,EnvBuilder}',
      'ensurepip.bootstrap',
      'pexpect.{spawn,run,popen_spawn.PopenSpawn}',
      'psutil.Popen',
      'sh.Command',
      'plumbum.local',
      'invoke.run',
      'fabric.Connection().{local,run,sudo}',
      'anyio.{run_process,open_process}',
      'trio.{run_process,lowlevel.open_process}',
      'joblib.Parallel',
      'pydoc.{pipepager,tempfilepager}',
      'test.support.script_helper.*',
    ],
    capability: 'SUBPROCESS',
    why: 'starts or becomes another process, or reaches foreign functions',
  },

  {
    names: ['ctypes.{cdll,pydll,windll,oledll,pythonapi}.*'],
    capability: 'SUBPROCESS',
    onRead: true,
    why: 'loads a library, or reaches a foreign function, by reading an attribute',
  },

  // Text or code objects that run
  {
    names: [
      'builtins.{eval,exec,compile,execfile,breakpoint}',
      'code.{interact,InteractiveInterpreter,InteractiveConsole,compile_command}',
      'codeop.{compile_command,Compile,CommandCompiler}',
      'types.{FunctionType,CodeType,LambdaType}',
      'cProfile.{run,runctx,Profile().run,Profile().runctx}',
      'profile.{run,runctx,Profile().run,Profile().runctx}',
      'trace.Trace().{run,runctx}',
      'pdb.{run,runeval,runctx,Pdb().run,Pdb().runeval}',
      'bdb.Bdb().{run,runeval,runctx}',
      'doctest.{testmod,testfile,run_docstring_examples,debug,debug_src}',
      'logging.config.{fileConfig,listen}',
      '_xxsubinterpreters.run_string',
      '_interpreters.{exec,run_string}',
      'concurrent.interpreters.create().{exec,call}',
      'pandas.eval',
      'numexpr.evaluate',
      'sympy.{sympify,parse_expr}',
      'IPython.{embed,start_ipython}',
    ],
    capability: 'EVAL_EXEC',
    why: 'runs text or a built code object',
  },
  {
    names: ['timeit.{timeit,repeat,Timer}'],
    capability: 'EVAL_EXEC',
    when: {
      position: 0,
      keyword: 'stmt',
      takesNames: true,
      matches: /^(?!lambda$)/,
      whenAbsent: false,
      whenUnknown: true,
    },
    why: 'times code that it takes as text',
  },

  // Imports that are not written as imports
  {
    names: [
      'builtins.__import__',
      'importlib.{import_module,__import__,reload}',
      'importlib.util.{spec_from_file_location,module_from_spec,spec_from_loader,LazyLoader}',
      'importlib.util.spec_from_file_location().loader.{exec_module,load_module}',
      'importlib.machinery.{SourceFileLoader,SourcelessFileLoader,ExtensionFileLoader,FileFinder}',
      'importlib.machinery.{SourceFileLoader,SourcelessFileLoader,ExtensionFileLoader}().{exec_module,load_module}',
      'imp.{load_source,load_compiled,load_dynamic,load_module,load_package,reload}',
      'runpy.{run_path,run_module}',
      'zipimport.zipimporter',
      'pkgutil.{resolve_name,ImpImporter,find_loader,get_loader}',
      'pydoc.{locate,importfile,safeimport}',
      'pkg_resources.{load_entry_point,run_script}',
      'importlib.metadata.EntryPoint().load',
    ],
    capability: 'IMPORT_DYNAMIC',
    why: 'imports by a computed name or from a path, or runs a module or file',
  },

  // Deserialisers that can run code
  {
    names: [
      'pickle.{load,loads,Unpickler,_load,_loads,_Unpickler}',
      'marshal.{load,loads}',
      'shelve.{open,Shelf,BsdDbShelf,DbfilenameShelf}',
      'dill.{load,loads,Unpickler,load_session,load_module}',
      'cloudpickle.{load,loads}',
      'jsonpickle.{decode,loads,unpickler.decode}',
      'joblib.load',
      'pandas.{read_pickle,compat.pickle_compat.load}',
      'torch.{load,jit.load}',
      'yaml.{unsafe_load,unsafe_load_all,full_load,full_load_all,UnsafeLoader,CUnsafeLoader}',
      'ruamel.yaml.{unsafe_load,load}',
      'sklearn.externals.joblib.load',
      'multiprocessing.reduction.{ForkingPickler.loads,loads}',
      'multiprocessing.connection.Connection().recv',
      'keras.models.load_model',
    ],
    capability: 'PICKLE',
    why: 'deserialises data that can run code',
  },
  {
    names: ['yaml.{load,load_all}'],
    capability: 'PICKLE',
    when: {
      position: 1,
      keyword: 'Loader',
      takesNames: true,
      matches: /^(?!(?:[\w.]*\.)?C?(?:Safe|Base)Loader$)/,
      whenAbsent: true,
      whenUnknown: true,
    },
    why: 'loads YAML that can build any object',
  },
  {
    names: ['numpy.load'],
    capability: 'PICKLE',
    when: { position: 2, keyword: 'allow_pickle', matches: /^(?!(?:False|0)$)/, whenAbsent: false, whenUnknown: true },
    why: 'loads pickled arrays',
  },
]

/** Names that mean another name: C twins of modules, old names, results whose kind is known, and what a method hands back. */
export const pythonSynonyms: Readonly<Record<string, string>> = {
  posix: 'os',
  nt: 'os',
  _io: 'io',
  _pickle: 'pickle',
  cPickle: 'pickle',
  _socket: 'socket',
  __builtin__: 'builtins',
  __builtins__: 'builtins',
  _imp: 'imp',
  _frozen_importlib: 'importlib._bootstrap',
  'builtins.__builtins__': 'builtins',
  'builtins.__loader__': 'importlib.machinery.SourceFileLoader()',
  'importlib._bootstrap.__import__': 'importlib.__import__',
  'builtins.__dict__': 'builtins',
  'six.moves.builtins': 'builtins',
  'six.moves.urllib.request': 'urllib.request',
  'six.moves.cPickle': 'pickle',
  'pathlib.PosixPath': 'pathlib.Path',
  'pathlib.WindowsPath': 'pathlib.Path',
  'pathlib.Path.cwd()': 'pathlib.Path()',
  'pathlib.Path.home()': 'pathlib.Path()',
  'pathlib.Path()./': 'pathlib.Path()',
  'pathlib.Path().parent': 'pathlib.Path()',
  'pathlib.Path().parents[]': 'pathlib.Path()',
  'pathlib.Path().absolute()': 'pathlib.Path()',
  'pathlib.Path().resolve()': 'pathlib.Path()',
  'pathlib.Path().expanduser()': 'pathlib.Path()',
  'pathlib.Path().joinpath()': 'pathlib.Path()',
  'pathlib.Path().with_name()': 'pathlib.Path()',
  'pathlib.Path().with_stem()': 'pathlib.Path()',
  'pathlib.Path().with_suffix()': 'pathlib.Path()',
  'pathlib.Path().relative_to()': 'pathlib.Path()',
  'pathlib.Path().rename()': 'pathlib.Path()',
  'pathlib.Path().replace()': 'pathlib.Path()',
  'pathlib.Path().iterdir()[]': 'pathlib.Path()',
  'pathlib.Path().glob()[]': 'pathlib.Path()',
  'pathlib.Path().rglob()[]': 'pathlib.Path()',
  'importlib.resources.files()': 'pathlib.Path()',
  'importlib.resources.files()./': 'pathlib.Path()',
  'tarfile.open()': 'tarfile.TarFile()',
  'tarfile.TarFile.open()': 'tarfile.TarFile()',
  'requests.session()': 'requests.Session()',
  'requests.sessions.Session()': 'requests.Session()',
  'ssl.create_default_context()': 'ssl.SSLContext()',
  'asyncio.get_event_loop()': 'asyncio.loop()',
  'asyncio.get_running_loop()': 'asyncio.loop()',
  'asyncio.new_event_loop()': 'asyncio.loop()',
  'asyncio.get_event_loop_policy().get_event_loop()': 'asyncio.loop()',
  'asyncio.events.get_event_loop()': 'asyncio.loop()',
  'multiprocessing.get_context()': 'multiprocessing',
  'importlib.metadata.entry_points()[]': 'importlib.metadata.EntryPoint()',
}
