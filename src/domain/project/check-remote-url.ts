import { SourceRejectedError } from '../errors.ts'
import type { RemoteTarget, Services } from '../shared/services.ts'
import { fieldFault } from '../shared/validate.ts'

/** Where a URL leads. @throws ValidationError at the field when configuration does not allow it */
export const checkRemoteUrl = (services: Pick<Services, 'checkRemoteUrl'>, url: string, path: string): RemoteTarget => {
  try {
    return services.checkRemoteUrl(url)
  } catch (error) {
    if (error instanceof SourceRejectedError) throw fieldFault(path, error.message)
    throw error
  }
}

/** Whether two URLs lead to the same server, by the same protocol: a secret for one is no secret from the other. */
export const isSameServer = (a: RemoteTarget, b: RemoteTarget): boolean =>
  a.protocol === b.protocol && a.host === b.host && a.port === b.port
