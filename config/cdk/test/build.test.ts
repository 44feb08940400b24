import * as assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { Duration } from 'aws-cdk-lib';
import { PostludeStepImage, PostludeStepProps } from '../lib';
import { commandsOf, Pipe } from './pipe';
import { REGION, TOOLS } from './stack';

/** What the build's shell did: its exit code, what it said, and each call of docker and aws. */
interface Ran {
  readonly status: number | null;
  readonly stderr: string;
  readonly calls: { readonly argv: string[]; readonly env: { [name: string]: string }; readonly stdin: string }[];
}

/** Stands for docker and aws: writes down how it was called, then does as the variables say. */
const FAKE = `#!/usr/bin/env node
const fs = require('fs');
const name = require('path').basename(process.argv[1]);
const argv = [name, ...process.argv.slice(2)];
const stdin = argv[1] === 'login' ? fs.readFileSync(0, 'utf8') : '';
fs.appendFileSync(process.env.FAKE_CALLS, JSON.stringify({ argv, stdin, env: process.env }) + '\\n');
if (name === 'aws') process.stdout.write('registry-password');
if (name === 'docker' && argv[1] === 'pull') process.exit(Number(process.env.FAKE_PULL || 0));
if (name === 'docker' && argv[1] === 'login') process.exit(stdin ? 0 : 1);
if (name === 'docker' && argv[1] === 'run') {
  if (process.env.FAKE_SLEEPS) {
    process.on('SIGTERM', () => process.exit(7));
    setTimeout(() => {}, 20000);
  } else process.exit(Number(process.env.FAKE_STATUS || 0));
}
`;

const SECRET = 'hush; "quoted" $HOME `id`';
const BUILD = {
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/0a-credential',
  CODEBUILD_INITIATOR: 'codepipeline/orders',
  CODEBUILD_BUILD_ID: 'Migrate:0a1b',
  CODEBUILD_RESOLVED_SOURCE_VERSION: 'c0ffee',
  PIPELINE_EXECUTION_ID: '5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18',
  POSTLUDE_IMAGE: 'orders-migrate:1.42',
  DB_HOST: 'orders.proxy-0a.eu-west-3.rds.amazonaws.com',
};

/** Runs the commands as a build does, in one shell, with what it would set. */
function run(commands: string[], env: { [name: string]: string } = {}): Ran {
  const folder = mkdtempSync(path.join(tmpdir(), 'step-'));
  try {
    for (const name of ['docker', 'aws']) {
      writeFileSync(path.join(folder, name), FAKE);
      chmodSync(path.join(folder, name), 0o755);
    }
    const log = path.join(folder, 'calls');
    writeFileSync(log, '');
    const shell = spawnSync('sh', ['-eu', '-c', commands.join('\n')], {
      env: { PATH: `${folder}:${process.env.PATH}`, FAKE_CALLS: log, ...BUILD, DB_USER: SECRET, ...env },
      encoding: 'utf8',
      timeout: 60000,
    });
    const calls = readFileSync(log, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
    return { status: shell.status, stderr: shell.stderr, calls };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function shellOf(props: Partial<PostludeStepProps> = {}): string[] {
  const pipe = new Pipe();
  return commandsOf(pipe.deploy(pipe.step(props)));
}

test('the build ends as postlude does, and 8 is no failure', () => {
  const commands = shellOf();
  for (const status of [1, 2, 3, 4, 5, 6, 7, 10, 125, 137]) {
    assert.equal(run(commands, { FAKE_STATUS: String(status) }).status, status);
  }
  const late = run(commands, { FAKE_STATUS: '8' });
  assert.equal(late.status, 0);
  assert.match(late.stderr, /the database is at the plan, and only the report is late/);
  assert.equal(run(commands).status, 0);
});

test('an image that cannot be pulled ends the build, and nothing is run', () => {
  const ran = run(shellOf(), { FAKE_PULL: '1' });
  assert.equal(ran.status, 1);
  assert.deepEqual(ran.calls.map((call) => call.argv[1]), ['ecr', 'login', 'pull']);
});

test('postlude runs without a shell, read-only, without capabilities, in the build\'s network', () => {
  const { calls } = run(shellOf({ environment: { LEVEL: 'info' }, plan: '/p.yaml' }), { LEVEL: 'info' });
  const [aws, login, pull, docker] = calls.map((call) => call.argv);
  const registry = `${TOOLS}.dkr.ecr.eu-west-3.amazonaws.com`;
  assert.deepEqual([...aws].sort(), ['aws', 'ecr', 'get-login-password', '--region', REGION].sort());
  assert.deepEqual(login, ['docker', 'login', '--username', 'AWS', '--password-stdin', registry]);
  assert.deepEqual(pull, ['docker', 'pull', '--quiet', 'orders-migrate:1.42']);
  const names = [
    'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'POSTLUDE_LOG', 'POSTLUDE_BY', 'POSTLUDE_REASON', 'POSTLUDE_RERUN', 'PIPELINE_NAME', 'SNS_TOPIC_ARN',
    'PIPELINE_STAGE', 'PIPELINE_ACCOUNT', 'PIPELINE_REGION', 'LEVEL', 'DB_PORT', 'DB_NAME', 'POSTLUDE_PLAN', 'DB_USER', 'DB_HOST',
  ];
  assert.deepEqual(docker, [
    'docker', 'run', '--rm', '--pull', 'never', '--network', 'host', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges',
    '--read-only', ...names.flatMap((name) => ['--env', name]), 'orders-migrate:1.42', 'run',
  ]);
});

test('no value stands on a command line, and each is in the environment as it was', () => {
  const { calls } = run(shellOf());
  const line = calls.map((call) => call.argv.join(' ')).join('\n');
  for (const value of [SECRET, 'registry-password', BUILD.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, BUILD.DB_HOST]) {
    assert.ok(!line.includes(value), value);
  }
  const { env } = calls.find((call) => call.argv[1] === 'run')!;
  assert.equal(env.DB_USER, SECRET);
  assert.equal(env.POSTLUDE_LOG, 'text');
  assert.equal(env.POSTLUDE_BY, 'codepipeline/orders');
  assert.equal(env.PIPELINE_NAME, 'orders');
  assert.equal(env.SNS_TOPIC_ARN, '');
  assert.equal(env.POSTLUDE_REASON, 'execution 5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18, build Migrate:0a1b, commit c0ffee');
  assert.equal(env.POSTLUDE_RERUN, 'aws codepipeline retry-stage-execution --region eu-west-3 --pipeline-name orders --stage-name <stage>'
    + ' --pipeline-execution-id 5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18 --retry-mode FAILED_ACTIONS');
});

test('a topic, and a name of the pipeline that is given, are handed on as they are', () => {
  const { calls } = run(shellOf({ environment: { PIPELINE_NAME: 'x' } }), { SNS_TOPIC_ARN: 'arn:x', PIPELINE_NAME: 'other' });
  const { env, argv } = calls.find((call) => call.argv[1] === 'run')!;
  assert.equal(env.SNS_TOPIC_ARN, 'arn:x');
  assert.equal(env.PIPELINE_NAME, 'other');
  assert.equal(argv.filter((word) => word === 'PIPELINE_NAME').length, 1);
});

test('a commit that CodeBuild does not know is left out', () => {
  const commands = shellOf();
  const { calls } = run(commands, { CODEBUILD_RESOLVED_SOURCE_VERSION: '' });
  const { env } = calls.find((call) => call.argv[1] === 'run')!;
  assert.equal(env.POSTLUDE_REASON, 'execution 5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18, build Migrate:0a1b');
});

test('a run whose time is over is told to stop, and says so itself', () => {
  const commands = shellOf({ timeout: Duration.minutes(1) });
  assert.equal(commands.filter((command) => command.includes('--kill-after=60 60 docker run')).length, 1);
  const hurried = commands.map((command) => command.replace('--kill-after=60 60', '--kill-after=20 1'));
  assert.equal(run(hurried, { FAKE_SLEEPS: '1' }).status, 7);
});

test('an image of a public registry needs no login', () => {
  const { status, calls } = run(shellOf({ image: PostludeStepImage.fromRegistry('orders-migrate:1.42') }));
  assert.equal(status, 0);
  assert.deepEqual(calls.map((call) => call.argv[1]), ['pull', 'run']);
});
