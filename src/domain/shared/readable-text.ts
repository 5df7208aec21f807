// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it takes out
const escapeSequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it takes out
const controlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/**
 * What a program wrote for a terminal, as text that does nothing to one: without colours, cursor movements, control and
 * bidirectional characters. A line that was written over becomes a line of its own.
 */
export const readableText = (text: string): string =>
  text
    .replaceAll(escapeSequences, '')
    .replaceAll(/\r+\n/g, '\n')
    .replaceAll('\r', '\n')
    .replaceAll(controlCharacters, '')
    .toWellFormed()
