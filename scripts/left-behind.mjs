import { basename } from 'node:path'

/**
 * Whether it is what running the tests of a template leaves there, and so none of the program.
 * @param {string} path of a file or folder
 */
export const isLeftBehind = (path) => /^(__pycache__|\.pytest_cache|node_modules)$/.test(basename(path))
