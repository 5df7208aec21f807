import type { ArgumentCondition, CapabilityRule } from './python-rules.ts'

/**
 * As for Python. A condition with a `keyword` looks at that property of the options given at its position.
 * Names that the platform has everywhere are below `globalThis`.
 */
export interface JavaScriptRule extends CapabilityRule {
  /** The rule holds when the argument at this position is text, known or not: `setTimeout('f()')`. */
  readonly whenText?: number
  /** False for what is often passed on only to name a type, as `Function` is. */
  readonly countsHandedOn?: false
}

/** fs, its promises, and the packages that have the same functions and more. */
const fs = '{fs,fs.promises,fs-extra}'
const both = (names: string): string => `{${names}}{,Sync}`

function argument(position: number, condition: Omit<ArgumentCondition, 'position' | 'keyword'>): ArgumentCondition {
  return { position, keyword: null, ...condition }
}

function option(
  position: number,
  keyword: string,
  condition: Omit<ArgumentCondition, 'position' | 'keyword'>,
): ArgumentCondition {
  return { position, keyword, ...condition }
}

const readingFlags =
  /^(?:r|rs|sr|0|(?:[\w.]+\.)?O_(?:RDONLY|NOATIME|DIRECTORY|NOFOLLOW|NONBLOCK)(?:\|(?:[\w.]+\.)?O_(?:RDONLY|NOATIME|DIRECTORY|NOFOLLOW|NONBLOCK))*)$/
const otherFlags = new RegExp(`^(?!(?:${readingFlags.source}))`)
const never = /(?!)/
const isTrue = /^(?!(?:false|null|undefined|0|)$)/
const remote = /^(?:data|blob|https?):/

/** What each name of Node, Deno, Bun and the web platform lets code do. */
export const platformRules: readonly JavaScriptRule[] = [
  // Files
  {
    names: [`${fs}.${both('open')}`],
    capability: 'FILESYSTEM_READ',
    when: argument(1, { matches: readingFlags, takesNames: true, whenAbsent: true, whenUnknown: false }),
    why: 'opens a file to read',
  },
  {
    names: [`${fs}.${both('open')}`],
    capability: 'FILESYSTEM_WRITE',
    when: argument(1, { matches: otherFlags, takesNames: true, whenAbsent: false, whenUnknown: true }),
    why: 'opens a file to write or create',
  },
  {
    names: [
      `${fs}.${both('readFile,readdir,readlink,opendir,glob,read,readv')}`,
      `${fs}.{createReadStream,ReadStream,FileReadStream,openAsBlob,watch,watchFile}`,
      `fs-extra.${both('readJson,readJSON')}`,
      'fs.promises.open().readFile',
      'Deno.{readFile,readTextFile,readDir,readLink}{,Sync}',
      'Deno.watchFs',
      'Bun.{file,mmap}',
      'Bun.Glob().{scan,scanSync}',
      'process.loadEnvFile',
    ],
    capability: 'FILESYSTEM_READ',
    why: 'reads, lists, walks or watches files',
  },
  {
    names: [
      `${fs}.${both('writeFile,appendFile,write,writev,truncate,ftruncate,rename,link,symlink,unlink,rm,rmdir,mkdir,mkdtemp')}`,
      `${fs}.${both('chmod,fchmod,lchmod,chown,fchown,lchown,utimes,futimes,lutimes,copyFile,cp')}`,
      `${fs}.{createWriteStream,WriteStream,FileWriteStream,mkdtempDisposable,mkdtempDisposableSync}`,
      `fs-extra.${both('copy,move,remove,emptyDir,emptydir,ensureDir,mkdirs,mkdirp,ensureFile,createFile,ensureLink,createLink,ensureSymlink,createSymlink,outputFile,outputJson,outputJSON,writeJson,writeJSON')}`,
      'Deno.{writeFile,writeTextFile,create,mkdir,makeTempDir,makeTempFile,remove,rename,copyFile,link,symlink,chmod,chown,truncate,utime}{,Sync}',
      'Bun.write',
      'v8.writeHeapSnapshot',
      'process.report.writeReport',
      'worker_threads.Worker().getHeapSnapshot',
    ],
    capability: 'FILESYSTEM_WRITE',
    why: 'creates, changes or deletes files',
  },
  {
    names: ['Deno.open{,Sync}'],
    capability: 'FILESYSTEM_READ',
    when: option(1, 'read', { matches: isTrue, whenAbsent: true, whenUnknown: true }),
    why: 'opens a file to read',
  },
  ...['write', 'append', 'create', 'truncate', 'createNew'].map(
    (keyword): JavaScriptRule => ({
      names: ['Deno.open{,Sync}'],
      capability: 'FILESYSTEM_WRITE',
      when: option(1, keyword, { matches: isTrue, whenAbsent: false, whenUnknown: true }),
      why: 'opens a file to write',
    }),
  ),
  {
    names: ['sqlite.DatabaseSync', 'bun:sqlite.Database'],
    capability: 'FILESYSTEM_WRITE',
    when: argument(0, { matches: /^(?!:memory:$|$)/, whenAbsent: false, whenUnknown: true }),
    why: 'opens a database file',
  },
  // Network
  {
    names: [
      '{http,https}.{request,get,ClientRequest}',
      'http2.connect',
      'globalThis.{fetch,XMLHttpRequest,WebSocket,EventSource,WebTransport,RTCPeerConnection}',
      'globalThis.navigator.sendBeacon',
      'dns.{lookup,lookupService,reverse,Resolver}',
      'dns.promises.{lookup,lookupService,reverse,Resolver}',
      'dns.resolve*',
      'dns.promises.resolve*',
      'dns.{resolve,promises.resolve}',
      'Deno.{resolveDns,WebSocketStream,createHttpClient}',
      'Bun.{fetch,s3,S3Client,redis,RedisClient,sql,SQL,dns.lookup,dns.prefetch}',
    ],
    capability: 'NETWORK_REQUEST',
    why: 'speaks to another machine',
  },
  {
    names: [
      'net.{connect,createConnection,createServer,Socket,Server,Stream}',
      'tls.{connect,createServer,Server,TLSSocket,createSecurePair}',
      'dgram.{createSocket,Socket}',
      '{http,https}.{createServer,Server}',
      'http2.{createServer,createSecureServer}',
      'quic.{connect,listen,QuicEndpoint}',
      'inspector.{open,promises.open}',
      'Deno.{connect,connectTls,startTls,listen,listenTls,listenDatagram,serve,serveHttp}',
      'Bun.{serve,listen,connect,udpSocket}',
    ],
    capability: 'SOCKET',
    why: 'opens a socket or listens on one',
  },
  // Processes
  {
    names: [
      'child_process.{exec,execSync,execFile,execFileSync,spawn,spawnSync,fork,_forkChild,ChildProcess}',
      'cluster.fork',
      'process.{execve,dlopen,_debugProcess}',
      'Deno.{run,Command,dlopen,UnsafeFnPointer,UnsafeCallback}',
      'Bun.{spawn,spawnSync,$,openInEditor}',
      'bun:ffi.{dlopen,linkSymbols,cc,CFunction}',
      'ffi.{dlopen,DynamicLibrary}',
    ],
    capability: 'SUBPROCESS',
    why: 'starts processes, or reaches what does through native code',
  },
  {
    names: ['process.binding', 'process._linkedBinding'],
    capability: 'SUBPROCESS',
    when: argument(0, { matches: /^(?:spawn_sync|process_wrap)$/, whenAbsent: false, whenUnknown: true }),
    why: 'reaches what starts processes',
  },
  // Code
  {
    names: ['globalThis.{eval,execScript,ShadowRealm}'],
    capability: 'EVAL_EXEC',
    why: 'runs text as code',
  },
  { names: ['globalThis.Function'], capability: 'EVAL_EXEC', countsHandedOn: false, why: 'makes text a function' },
  {
    names: ['globalThis.{setTimeout,setInterval,setImmediate}'],
    capability: 'EVAL_EXEC',
    whenText: 0,
    why: 'runs text as code when its time has come',
  },
  {
    names: [
      'vm.{runInContext,runInNewContext,runInThisContext,compileFunction,Script,createScript,Module,SourceTextModule}',
      'globalThis.WebAssembly.{instantiate,instantiateStreaming,compile,compileStreaming,Module,Instance}',
      'repl.{start,REPLServer}',
      'inspector.{Session,promises.Session}',
      'v8.setFlagsFromString',
      'module._compile',
      'wasi.WASI',
      'Bun.{plugin,Transpiler}',
    ],
    capability: 'EVAL_EXEC',
    why: 'runs text or binaries as code',
  },
  {
    names: ['worker_threads.Worker'],
    capability: 'EVAL_EXEC',
    when: option(1, 'eval', { matches: isTrue, whenAbsent: false, whenUnknown: true }),
    why: 'runs text as code in a thread',
  },
  {
    names: ['worker_threads.Worker', 'globalThis.{Worker,SharedWorker}'],
    capability: 'IMPORT_DYNAMIC',
    when: argument(0, { matches: remote, whenAbsent: false, whenUnknown: true }),
    why: 'runs a file that is named when it runs',
  },
  {
    names: ['globalThis.require', 'import()', 'module.require'],
    capability: 'IMPORT_DYNAMIC',
    when: argument(0, { matches: remote, whenAbsent: false, whenUnknown: true }),
    why: 'imports by a computed name',
  },
  {
    names: ['process.getBuiltinModule'],
    capability: 'IMPORT_DYNAMIC',
    when: argument(0, { matches: never, whenAbsent: false, whenUnknown: true }),
    why: 'imports by a computed name',
  },
  {
    names: [
      'module.{_load,runMain,register,registerHooks,_extensions,_findPath}',
      'process.{binding,_linkedBinding,dlopen}',
      'globalThis.importScripts',
    ],
    capability: 'IMPORT_DYNAMIC',
    why: 'loads code by other ways than an import',
  },
  // Deserialisers
  { names: ['v8.{deserialize,Deserializer,DefaultDeserializer}'], capability: 'PICKLE', why: 'restores objects' },
]

/** Names that mean another name: subpaths of modules, old names, and results whose kind is known. */
export const javascriptSynonyms: Readonly<Record<string, string>> = {
  'fs/promises': 'fs.promises',
  'graceful-fs': 'fs',
  'original-fs': 'fs',
  mz: 'fs',
  'mz/fs': 'fs.promises',
  'fs-extra/esm': 'fs-extra',
  'mz/child_process': 'child_process',
  'dns/promises': 'dns.promises',
  'inspector/promises': 'inspector.promises',
  bun: 'Bun',
  'globalThis.process': 'process',
  'globalThis.Deno': 'Deno',
  'globalThis.Bun': 'Bun',
  'globalThis.module': 'module',
  'globalThis.globalThis': 'globalThis',
  'globalThis.global': 'globalThis',
  'globalThis.GLOBAL': 'globalThis',
  'globalThis.root': 'globalThis',
  'globalThis.window': 'globalThis',
  'globalThis.self': 'globalThis',
  'globalThis.top': 'globalThis',
  'globalThis.parent': 'globalThis',
  'globalThis.frames': 'globalThis',
  'globalThis.document.defaultView': 'globalThis',
  'process.mainModule': 'module',
  'process.mainModule.require': 'globalThis.require',
  'process.mainModule.constructor': 'module',
  'globalThis.require.main': 'module',
  'module.require': 'globalThis.require',
  'module.constructor': 'module',
  'module.Module': 'module',
  'module.parent': 'module',
  'module.prototype': 'module',
  'module()': 'module',
  'module.createRequire()': 'globalThis.require',
  'module.createRequireFromPath()': 'globalThis.require',
  'child_process.promises': 'child_process',
}
