import type { DocumentNode } from 'graphql'

/** Parsed documents by their text. */
export interface DocumentCache {
  get(text: string): DocumentNode | undefined
  set(text: string, document: DocumentNode): void
}

/**
 * Keeps the documents that were used last, up to so many characters in all: what is kept of one takes memory by its
 * length, and clients may send any number of long ones.
 */
export const createDocumentCache = (maxCharacters: number, maxLength: number): DocumentCache => {
  const documents = new Map<string, DocumentNode>()
  let characters = 0
  const remove = (text: string) => {
    if (documents.delete(text)) characters -= text.length
  }
  return {
    get(text) {
      const document = documents.get(text)
      if (document) {
        documents.delete(text)
        documents.set(text, document)
      }
      return document
    },
    set(text, document) {
      if (text.length > maxLength) return
      remove(text)
      documents.set(text, document)
      characters += text.length
      for (const [oldest] of documents) {
        if (characters <= maxCharacters) break
        remove(oldest)
      }
    },
  }
}

/** Errors of parsing cost less to find again than to keep. */
export const noErrorCache = { get: () => undefined, set: () => undefined }
