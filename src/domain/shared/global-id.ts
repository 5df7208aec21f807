/** The id by which the API knows a row: that of its object, whatever its type. */
export const globalId = (type: string, id: string): string => Buffer.from(`${type}:${id}`).toString('base64')
