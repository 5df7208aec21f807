import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from '@babel/parser'
import type {
  Identifier,
  Statement,
  TSEntityName,
  TSInterfaceDeclaration,
  TSType,
  TSTypeAliasDeclaration,
  TSTypeElement,
} from '@babel/types'

/**
 * The types that a provider publishes in its own SDK, read from its declarations when the test runs, and a value held
 * against them: unknown fields, missing fields and wrong types are told with their path. It knows the part of
 * TypeScript that these declarations use for data, and throws at anything else.
 */

type Declaration = TSInterfaceDeclaration | TSTypeAliasDeclaration

interface Scope {
  readonly outer: Scope | null
  readonly types: Map<string, { readonly node: Declaration; readonly scope: Scope }>
  readonly namespaces: Map<string, Scope>
  readonly imports: Map<string, { readonly file: string; readonly name: string | null }>
}

interface Placed {
  readonly node: TSType
  readonly scope: Scope
}

interface Shape {
  readonly fields: Map<string, Placed & { readonly optional: boolean }>
  readonly index: Placed | null
}

const modules = new Map<string, Scope>()

function readModule(file: string): Scope {
  const known = modules.get(file)
  if (known) return known
  const { program } = parse(readFileSync(file, 'utf8'), {
    sourceType: 'module',
    plugins: [['typescript', { dts: true }]],
  })
  const scope: Scope = { outer: null, types: new Map(), namespaces: new Map(), imports: new Map() }
  modules.set(file, scope)
  for (const statement of program.body) declare(statement, scope, file)
  return scope
}

function declare(statement: Statement, scope: Scope, file: string): void {
  if (statement.type === 'ExportNamedDeclaration' && statement.declaration) {
    declare(statement.declaration, scope, file)
  } else if (statement.type === 'TSInterfaceDeclaration' || statement.type === 'TSTypeAliasDeclaration') {
    scope.types.set(statement.id.name, { node: statement, scope })
  } else if (statement.type === 'TSModuleDeclaration' && statement.body.type === 'TSModuleBlock') {
    const name = (statement.id as Identifier).name
    const inner: Scope = scope.namespaces.get(name) ?? {
      outer: scope,
      types: new Map(),
      namespaces: new Map(),
      imports: new Map(),
    }
    scope.namespaces.set(name, inner)
    for (const each of statement.body.body) declare(each, inner, file)
  } else if (statement.type === 'ImportDeclaration' && statement.source.value.startsWith('.')) {
    const target = join(dirname(file), statement.source.value.replace(/\.m?js$/, '.d.ts'))
    for (const each of statement.specifiers) {
      const name = each.type === 'ImportSpecifier' ? (each.imported as Identifier).name : null
      scope.imports.set(each.local.name, { file: target, name })
    }
  }
}

function findNamespace(name: TSEntityName, scope: Scope): Scope | null {
  if (name.type === 'TSQualifiedName') {
    return findNamespace(name.left, scope)?.namespaces.get(name.right.name) ?? null
  }
  if (name.type !== 'Identifier') return null
  for (let at: Scope | null = scope; at; at = at.outer) {
    const found = at.namespaces.get(name.name)
    if (found) return found
    const imported = at.imports.get(name.name)
    if (imported && existsSync(imported.file)) {
      const module = readModule(imported.file)
      return imported.name === null ? module : (module.namespaces.get(imported.name) ?? null)
    }
  }
  return null
}

function findType(name: TSEntityName, scope: Scope): { node: Declaration; scope: Scope } | null {
  if (name.type === 'TSQualifiedName') {
    const namespace = findNamespace(name.left, scope)
    return namespace ? findType(name.right, { ...namespace, outer: null }) : null
  }
  if (name.type !== 'Identifier') return null
  for (let at: Scope | null = scope; at; at = at.outer) {
    const found = at.types.get(name.name)
    if (found) return found
    const imported = at.imports.get(name.name)
    if (imported?.name) return readModule(imported.file).types.get(imported.name) ?? null
  }
  return null
}

/** The fields of an interface, an object type or an intersection of them; null for anything else. */
function shapeOf({ node, scope }: Placed): Shape | null {
  if (node.type === 'TSTypeLiteral') return shapeOfMembers(node.members, scope)
  if (node.type === 'TSIntersectionType') {
    const parts = node.types.map((each) => shapeOf({ node: each, scope }))
    return parts.some((part) => part === null) ? null : merged(parts as Shape[])
  }
  if (node.type !== 'TSTypeReference') return null
  const found = findType(node.typeName, scope)
  if (!found) return null
  if (found.node.type === 'TSTypeAliasDeclaration') {
    return shapeOf({ node: found.node.typeAnnotation, scope: found.scope })
  }
  const { node: declaration, scope: at } = found
  const parents = (declaration.extends ?? []).map((parent) => {
    const shape = shapeOf({
      node: { ...parent, type: 'TSTypeReference', typeName: parent.expression } as never,
      scope: at,
    })
    if (!shape) throw new Error(`What ${declaration.id.name} extends was not found.`)
    return shape
  })
  return merged([...parents, shapeOfMembers(declaration.body.body, at)])
}

function shapeOfMembers(members: readonly TSTypeElement[], scope: Scope): Shape {
  const fields: Shape['fields'] = new Map()
  let index: Placed | null = null
  for (const member of members) {
    const node = 'typeAnnotation' in member ? member.typeAnnotation : null
    if (node?.type !== 'TSTypeAnnotation') throw new Error(`A member without a type: ${member.type}.`)
    if (member.type === 'TSIndexSignature') index = { node: node.typeAnnotation, scope }
    else if (member.type === 'TSPropertySignature') {
      const name =
        member.key.type === 'Identifier' ? member.key.name : String((member.key as { value?: unknown }).value)
      fields.set(name, { node: node.typeAnnotation, scope, optional: member.optional === true })
    } else throw new Error(`A member that is no data: ${member.type}.`)
  }
  return { fields, index }
}

function merged(shapes: readonly Shape[]): Shape {
  return {
    fields: new Map(shapes.flatMap(({ fields }) => [...fields])),
    index: shapes.findLast(({ index }) => index !== null)?.index ?? null,
  }
}

const keywords: Readonly<Record<string, (value: unknown) => boolean>> = {
  TSStringKeyword: (value) => typeof value === 'string',
  TSNumberKeyword: (value) => typeof value === 'number',
  TSBooleanKeyword: (value) => typeof value === 'boolean',
  TSNullKeyword: (value) => value === null,
  TSUndefinedKeyword: (value) => value === undefined,
  TSUnknownKeyword: () => true,
  TSAnyKeyword: () => true,
}

function faults(value: unknown, { node, scope }: Placed, path: string): string[] {
  const wrong = (expected: string) => [`${path}: ${expected} expected, ${JSON.stringify(value)?.slice(0, 80)} found`]
  const keyword = keywords[node.type]
  if (keyword) return keyword(value) ? [] : wrong(node.type.slice(2, -7).toLowerCase())
  switch (node.type) {
    case 'TSLiteralType':
      return 'value' in node.literal && node.literal.value === value
        ? []
        : wrong(JSON.stringify((node.literal as { value?: unknown }).value))
    case 'TSParenthesizedType':
      return faults(value, { node: node.typeAnnotation, scope }, path)
    case 'TSArrayType':
      return everyFault(value, { node: node.elementType, scope }, path, wrong)
    case 'TSUnionType': {
      const each = node.types.map((type) => faults(value, { node: type, scope }, path))
      const isOther = (each: readonly string[]) => each.some((fault) => fault.startsWith(`${path}.type:`))
      // The alternative that was meant says so in its type; else it is the one with the fewest faults.
      return each.sort((a, b) => Number(isOther(a)) - Number(isOther(b)) || a.length - b.length)[0] ?? []
    }
    case 'TSIntersectionType':
      // `string & {}`: a text beside the names that are known.
      if (node.types.some(({ type }) => type === 'TSStringKeyword')) {
        return typeof value === 'string' ? [] : wrong('string')
      }
      break
    case 'TSTypeReference': {
      const name = node.typeName.type === 'Identifier' ? node.typeName.name : ''
      const [first, second] = node.typeArguments?.params ?? []
      if (name === 'Array' && first) return everyFault(value, { node: first, scope }, path, wrong)
      if (name === 'Record' && second) {
        return fieldFaults(value, { fields: new Map(), index: { node: second, scope } }, path, wrong)
      }
      const found = findType(node.typeName, scope)
      if (!found) throw new Error(`The type ${name || node.typeName.type} at ${path} was not found.`)
      if (found.node.type === 'TSTypeAliasDeclaration') {
        return faults(value, { node: found.node.typeAnnotation, scope: found.scope }, path)
      }
    }
  }
  const shape = shapeOf({ node, scope })
  if (!shape) throw new Error(`The type at ${path} is a ${node.type}, which is not understood.`)
  return fieldFaults(value, shape, path, wrong)
}

function everyFault(value: unknown, type: Placed, path: string, wrong: (expected: string) => string[]): string[] {
  return Array.isArray(value)
    ? value.flatMap((each, index) => faults(each, type, `${path}[${index}]`))
    : wrong('an array')
}

function fieldFaults(value: unknown, shape: Shape, path: string, wrong: (expected: string) => string[]): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong('an object')
  const given = new Map(Object.entries(value))
  const missing = [...shape.fields].filter(([name, { optional }]) => !optional && given.get(name) === undefined)
  return [
    ...missing.map(([name]) => `${path}.${name}: missing`),
    ...[...given].flatMap(([name, each]) => {
      const field = shape.fields.get(name)
      if (field) return each === undefined && field.optional ? [] : faults(each, field, `${path}.${name}`)
      return shape.index ? faults(each, shape.index, `${path}.${name}`) : [`${path}.${name}: not a published field`]
    }),
  ]
}

/** What is wrong with a value, held against a type that a package of node_modules declares; empty when nothing is. */
export function publishedFaults(value: unknown, declarations: string, type: string): string[] {
  const file = new URL(`../../node_modules/${declarations}`, import.meta.url).pathname
  const scope = readModule(file)
  const node = { type: 'TSTypeReference', typeName: { type: 'Identifier', name: type } } as TSType
  return faults(value, { node, scope }, type)
}
