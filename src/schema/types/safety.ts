import type { CapabilityUse, Finding } from '../../domain/ports/code-analyzer.ts'
import { builder } from '../builder.ts'
import { CapabilityEnum, LanguageEnum } from '../enums.ts'
import { SafetyEvaluationRef } from '../refs.ts'
import { visible } from '../visible.ts'
import { listOfFiles, seldomLongList, seldomLongPart } from '../weight.ts'

const SafetyFindingRef = builder.objectRef<Finding>('SafetyFinding').implement({
  description: 'Something that a reviewer should know.',
  fields: (t) => ({
    code: t.exposeString('code'),
    message: t.exposeString('message'),
    path: t.exposeString('path', { nullable: true }),
    line: t.exposeInt('line', { nullable: true }),
  }),
})

const CapabilityUseRef = builder.objectRef<CapabilityUse>('CapabilityUse').implement({
  description: 'One place in the resulting code that uses a capability.',
  fields: (t) => ({
    capability: t.field({ type: CapabilityEnum, resolve: (use) => use.capability }),
    language: t.field({ type: LanguageEnum, resolve: (use) => use.language }),
    path: t.exposeString('path'),
    line: t.exposeInt('line', { description: 'Counts from 1.' }),
    column: t.exposeInt('column', { description: 'Counts from 1.' }),
    symbol: t.exposeString('symbol', { description: 'The resolved name, for example subprocess.run.' }),
    snippet: t.exposeString('snippet'),
  }),
})

builder.node(SafetyEvaluationRef, {
  description:
    'What is known, without running it, about the code that a change results in. It informs a person; the sandbox is the boundary.',
  id: { resolve: (evaluation) => evaluation.id },
  loadOne: async (id, context) => {
    const evaluation = await context.load.safety.load(id)
    return visible(context, evaluation, evaluation?.projectId)
  },
  fields: (t) => ({
    safe: t.boolean({
      description: 'No issue, no warning, and no capability that the touched files did not have before.',
      resolve: ({ report }) => report.safe,
    }),
    syntaxValid: t.boolean({ resolve: ({ report }) => report.syntaxValid }),
    issues: t.field({
      type: [SafetyFindingRef],
      description: 'Blocks a commit.',
      extensions: listOfFiles,
      resolve: ({ report }) => [...report.issues],
    }),
    warnings: t.field({
      type: [SafetyFindingRef],
      description: 'Does not.',
      extensions: seldomLongPart,
      resolve: ({ report }) => [...report.warnings],
    }),
    added: t.field({
      type: [CapabilityUseRef],
      extensions: seldomLongList,
      resolve: ({ report }) => [...report.added],
    }),
    removed: t.field({
      type: [CapabilityUseRef],
      extensions: seldomLongList,
      resolve: ({ report }) => [...report.removed],
    }),
    unchanged: t.field({
      type: [CapabilityUseRef],
      extensions: seldomLongList,
      resolve: ({ report }) => [...report.unchanged],
    }),
    addedCapabilities: t.field({ type: [CapabilityEnum], resolve: ({ report }) => [...report.addedCapabilities] }),
    evaluationHash: t.exposeString('evaluationHash', {
      description: 'Over analyzer, rules, parsers, base and result. A review is bound to it.',
    }),
    reportHash: t.string({
      description: 'Of what is reported, without line numbers and base.',
      resolve: ({ report }) => report.reportHash,
    }),
    analyzerVersion: t.exposeString('analyzerVersion'),
    createdAt: t.field({ type: 'DateTime', resolve: (evaluation) => evaluation.createdAt }),
  }),
})
