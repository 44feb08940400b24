/**
 * An application that CDK Pipelines deploys from a tools account to a workload account, first to
 * Dev, then to Prod, with migrations after each: take it as it is, or take orders.ts alone.
 *
 *   npm run synth     writes cdk.out/, and each stack as plain CloudFormation to cdk.out/cloudformation/
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { App, DefaultStackSynthesizer } from 'aws-cdk-lib';
import { CloudAssembly } from 'aws-cdk-lib/cx-api';
import { PipelineStack } from './pipeline';

/** Yours: the accounts, the region, and the connection to where the code is. */
const settings = {
  tools: { account: '110987654321', region: 'eu-west-3' },
  workload: { account: '210987654321', region: 'eu-west-3' },
  repository: 'example/orders',
  connectionArn: 'arn:aws:codeconnections:eu-west-3:110987654321:connection/5f0c7a52-3b1d-4c7e-9a60-1d2e3f4a5b6c',
  // postlude's own image, built from docker/Dockerfile and pushed to the tools account once.
  postludeImage: '110987654321.dkr.ecr.eu-west-3.amazonaws.com/postlude:1',
};

const app = new App({
  analyticsReporting: false,
  outdir: path.join(__dirname, '..', '..', 'cdk.out'),
  defaultStackSynthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
});
new PipelineStack(app, 'OrdersPipeline', settings);
const names = writeTemplates(app.synth(), path.join(app.outdir, 'cloudformation'));
console.log(`cdk.out/ holds the example: the stacks ${names.join(', ')}\n`
  + 'cdk.out/cloudformation/ holds each of them as one file of plain CloudFormation');

/** Each stack's template, those of the pipeline's stages too, under the stack's name, which is returned. */
function writeTemplates(assembly: CloudAssembly, folder: string): string[] {
  fs.mkdirSync(folder, { recursive: true });
  for (const stack of assembly.stacks) {
    fs.writeFileSync(path.join(folder, `${stack.stackName}.json`), JSON.stringify(stack.template, undefined, 2) + '\n');
  }
  return [
    ...assembly.stacks.map((stack) => stack.stackName),
    ...assembly.nestedAssemblies.flatMap((nested) => writeTemplates(nested.nestedAssembly, folder)),
  ];
}
