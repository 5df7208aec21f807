/**
 * Text from outside as data in a prompt: inside a labelled element that it cannot close.
 * @param attributes are the server's own and need no escaping
 */
export const fenceData = (label: string, text: string, attributes: Readonly<Record<string, string>> = {}): string => {
  const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`)
  return `<${label}${written.join('')}>\n${text.replaceAll('</', '<\\/')}\n</${label}>`
}
