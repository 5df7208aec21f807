import { styleText } from 'node:util'

const formats = {
  strong: 'bold',
  faint: 'dim',
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  place: 'cyan',
  stage: 'magenta',
} as const

type Meaning = keyof typeof formats

/** What a piece of text means, shown as a colour where there are colours. */
export type Style = Readonly<Record<Meaning, (text: string) => string>>

/** @param isColoured false leaves every text as it is */
export const createStyle = (isColoured: boolean): Style => {
  const style = (meaning: Meaning) => (text: string) =>
    isColoured && text !== '' ? styleText(formats[meaning], text, { validateStream: false }) : text
  return {
    strong: style('strong'),
    faint: style('faint'),
    good: style('good'),
    bad: style('bad'),
    warn: style('warn'),
    place: style('place'),
    stage: style('stage'),
  }
}

export const plainStyle: Style = createStyle(false)
