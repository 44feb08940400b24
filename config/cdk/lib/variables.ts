/**
 * What stands for a pipeline where none sends its events, so that the plan of another way, whose
 * `trigger` names these variables, is good here, too: a start of another kind is not held against it.
 */
export function withoutPipeline(account: string, region: string): { [name: string]: string } {
  return { PIPELINE_STAGE: 'none', PIPELINE_ACCOUNT: account, PIPELINE_REGION: region };
}
