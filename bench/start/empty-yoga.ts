import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { defineEntity, type EntityManager, p } from '@mikro-orm/core'
import { MikroORM } from '@mikro-orm/postgresql'
import SchemaBuilder from '@pothos/core'
import { createYoga } from 'graphql-yoga'

const Person = defineEntity({
  name: 'Person',
  properties: { id: p.integer().primary(), name: p.text() },
})

/** The one table, with the one row that is asked for. */
export const emptyServerTables =
  "create table person (id integer primary key, name text not null); insert into person values (1, 'Administrator')"

const createSchema = () => {
  const builder = new SchemaBuilder<{ Context: { em: EntityManager }; DefaultFieldNullability: false }>({
    defaultFieldNullability: false,
  })
  const person = builder.objectRef<{ readonly name: string }>('Person').implement({
    fields: (t) => ({ name: t.exposeString('name') }),
  })
  builder.queryType({
    fields: (t) => ({
      viewer: t.field({ type: person, resolve: (_, __, { em }) => em.findOneOrFail(Person, { id: 1 }) }),
    }),
  })
  return builder.toSchema()
}

/**
 * What one has who begins with the same libraries as this product and has written nothing yet: a schema with one type, an
 * entity, a connection, an HTTP server.
 */
export const startEmptyServer = async (databaseUrl: string, port: number) => {
  const orm = await MikroORM.init({ clientUrl: databaseUrl, entities: [Person] })
  const yoga = createYoga({ schema: createSchema(), logging: false, context: () => ({ em: orm.em.fork() }) })
  const server = createServer(yoga).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    ready: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    async close() {
      server.close()
      server.closeAllConnections()
      await orm.close()
    },
  }
}
