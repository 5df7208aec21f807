import type { Identifier } from './analyze-file.ts'

/**
 * Letters that most typefaces draw like an ASCII one, by script; after Unicode's list of confusables (TR39), without
 * the pairs that a reader tells apart. Each pair is a letter and what it is taken for.
 */
const twins: Readonly<Record<string, string>> = {
  Cyrillic:
    'аa еe оo рp сc уy хx іi јj ѕs һh ԁd ԛq ԝw ӏl ѵv ѡw ѐe ёe АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ІI ЈJ ЅS ҺH ԌG ԚQ ԜW ӀI ѴV ҮY үy',
  Greek: 'οo νv ρp υu κk ιi χx ϲc ϳj αa γy ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC ϺM',
  Armenian: 'օo սu հh ոn ցg զq ղn յj ւi ՏS ՍU ՕO ԼL',
  Cherokee: 'ᎪA ᏴB ᏟC ᎠD ᎬE ᏀG ᎻH ᏆI ᎫJ ᏦK ᏞL ᎷM ᏢP ᎡR ᏚS ᎢT ᏙV ᎳW ᎩY ᏃZ',
  Coptic: 'ⲟo ⲣp ⲥc ⲭx ⲁa ⲕk ⲟo ⲎH ⲘM ⲚN ⲞO ⲢP ⲤC ⲦT ⲬX ⲀA ⲂB ⲔK',
  Lisu: 'ꓐB ꓑP ꓓD ꓔT ꓖG ꓗK ꓙJ ꓚC ꓜZ ꓝF ꓟM ꓠN ꓡL ꓢS ꓣR ꓦV ꓧH ꓪW ꓫX ꓬY ꓮA ꓰE ꓲI ꓳO ꓴU',
  Deseret: '𐐄O 𐐬o 𐐕C 𐐽c 𐑈s',
  Latin: 'ɑa ɡg ıi ȷj ɩi ʋu ƽs ꞌi ꜱs ᴄc ᴏo ᴠv ᴡw ᴢz ᴜu ꓲI ǀl ƖI',
}

const asciiTwin = new Map(
  Object.values(twins).flatMap((pairs) =>
    pairs.split(' ').map((pair) => {
      const [letter = '', twin = ''] = [...pair]
      return [letter, twin] as const
    }),
  ),
)
/** Small Greek letters that mathematicians use beside Latin ones, and that readers tell apart. */
const readableGreek = /[αγκιχυ]/u

const scripts = Object.keys(twins)
const foreignScripts = scripts.filter((script) => script !== 'Latin')
const scriptOf = foreignScripts.map((script) => ({ script, pattern: new RegExp(`\\p{Script=${script}}`, 'u') }))
const foreign = new RegExp(`[${foreignScripts.map((script) => `\\p{Script=${script}}`).join('')}]`, 'u')
const latin = /\p{Script=Latin}/u
const worthALook = new RegExp(`[\\u200c\\u200d${[...asciiTwin.keys()].join('')}]`, 'u')
const word = /[\p{L}\p{Nl}_$][\p{L}\p{Nl}\p{M}\p{N}\p{Pc}$\u200c\u200d]*/gu
const mostWords = 50
const mostFindings = 20

export interface LookAlike {
  readonly offset: number
  readonly message: string
}

/**
 * Identifiers that can be taken for others: letters of Latin and another script side by side, whole words that look
 * like an ASCII identifier of the same file, and joiners that nobody sees. A word wholly in one script that looks like
 * no other is none. `identifiers` says where the code has these words.
 */
export function lookAlikes(
  text: string,
  identifiers: (words: readonly string[]) => readonly Identifier[],
): LookAlike[] {
  if (!worthALook.test(text)) return []
  const words = new Set(text.match(word))
  const suspects = [...words].filter((each) => worthALook.test(each)).map((each) => suspect(each, words))
  const reasons = new Map(
    suspects
      .filter((each) => each !== null)
      .slice(0, mostWords)
      .map((each) => [each.word, each]),
  )
  if (reasons.size === 0) return []
  const imitated = [...reasons.values()].flatMap(({ twin }) => twin ?? [])
  const found = identifiers([...reasons.keys(), ...imitated])
  const written = new Set(found.map(({ name }) => name))
  const told = new Set<string>()
  const findings: LookAlike[] = []
  for (const { name, offset } of found) {
    const reason = reasons.get(name)
    if (reason === undefined || told.has(name) || (reason.twin !== null && !written.has(reason.twin))) continue
    told.add(name)
    findings.push({ offset, message: reason.message })
  }
  return findings.slice(0, mostFindings)
}

interface Suspect {
  readonly word: string
  readonly message: string
  /** The word is deceptive only where the code has this one too; null when it is so by itself. */
  readonly twin: string | null
}

function suspect(written: string, words: ReadonlySet<string>): Suspect | null {
  const shown = `The identifier ${written} (${pointsOf(written)})`
  if (/[\u200c\u200d]/.test(written)) return { word: written, message: `${shown} has a joiner in it.`, twin: null }
  const twin = skeleton(written)
  const isTwin = twin !== written && /^\w+$/.test(twin)
  const mixed = written
    .match(/[\p{L}\p{M}]+/gu)
    ?.map(mixedScript)
    .find((script) => script !== null)
  if (mixed) {
    const meant = isTwin ? `: it can be taken for ${twin}` : ''
    return { word: written, message: `${shown} mixes Latin and ${mixed} letters${meant}.`, twin: null }
  }
  if (!isTwin || !words.has(twin) || ([...written].length === 1 && readableGreek.test(written))) return null
  return { word: written, message: `${shown} looks like ${twin}, which this file has too.`, twin }
}

/** The other script, where one run of letters has Latin ones and look-alikes of another script. */
function mixedScript(letters: string): string | null {
  if (!latin.test(letters) || !foreign.test(letters)) return null
  const other = [...letters].find((letter) => foreign.test(letter) && asciiTwin.has(letter))
  return scriptOf.find(({ pattern }) => other !== undefined && pattern.test(other))?.script ?? null
}

function skeleton(written: string): string {
  return [...written].map((letter) => asciiTwin.get(letter) ?? letter).join('')
}

/** The look-alikes among its letters, by code point. */
function pointsOf(written: string): string {
  const strange = [...new Set(written)].filter((letter) => worthALook.test(letter))
  return strange
    .map((letter) => `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`)
    .join(', ')
}
