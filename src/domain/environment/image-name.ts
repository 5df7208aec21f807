/** The name of a container image as an engine takes it: a repository with a registry, tag or digest where it has them. */
export const imageName = /^(?!.*\.\.)[a-z0-9][a-z0-9._:/@-]{0,254}$/i
