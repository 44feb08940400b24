import * as assert from 'node:assert/strict';
import { test } from 'node:test';
import { App } from 'aws-cdk-lib';
import { CloudAssembly } from 'aws-cdk-lib/cx-api';
import { PipelineStack } from '../example/pipeline';
import { ACCOUNT, REGION, TOOLS } from './stack';

/** The assembly and those of the pipeline's stages. */
function assemblies(of: CloudAssembly): CloudAssembly[] {
  return [of, ...of.nestedAssemblies.flatMap(({ nestedAssembly }) => assemblies(nestedAssembly))];
}

test('the example synthesizes without AWS: it looks nothing up, and nothing is to be said of it', () => {
  const app = new App();
  new PipelineStack(app, 'OrdersPipeline', {
    tools: { account: TOOLS, region: REGION },
    workload: { account: ACCOUNT, region: REGION },
    repository: 'example/orders',
    connectionArn: `arn:aws:codeconnections:${REGION}:${TOOLS}:connection/5f0c7a52-3b1d-4c7e-9a60-1d2e3f4a5b6c`,
    postludeImage: `${TOOLS}.dkr.ecr.${REGION}.amazonaws.com/postlude:1`,
  });
  const all = assemblies(app.synth());
  const names = all.flatMap(({ stacks }) => stacks.map(({ stackName }) => stackName));
  assert.deepEqual(names.sort(), ['Dev-Orders', 'OrdersPipeline', 'Prod-Orders']);
  assert.deepEqual(all.flatMap(({ manifest }) => manifest.missing ?? []), []);
  assert.deepEqual(all.flatMap(({ stacks }) => stacks.flatMap(({ messages }) => messages.map(({ entry }) => entry.data))), []);
});
