/** What CloudFormation makes of a string: Ref and Fn::GetAtt as stable names, Fn::Join and Fn::Split done. */
export function text(value: any): string {
  if (typeof value === 'string') {
    return value;
  }
  if (value.Ref) {
    return value.Ref === 'AWS::Partition' ? 'aws' : value.Ref;
  }
  if (value['Fn::GetAtt']) {
    return value['Fn::GetAtt'].join('.');
  }
  if (value['Fn::Join']) {
    const [between, parts] = value['Fn::Join'];
    const split = parts['Fn::Split'];
    return (split ? text(split[1]).split(split[0]) : parts.map(text)).join(between);
  }
  throw new Error(`not evaluated: ${JSON.stringify(value)}`);
}

/** The same in the depth of a value. */
export function whole(value: any): any {
  if (value === null || typeof value !== 'object') {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(whole);
  }
  const keys = Object.keys(value);
  if (keys.length === 1 && /^(Ref|Fn::.*)$/.test(keys[0])) {
    return text(value);
  }
  return Object.fromEntries(keys.map((key) => [key, whole(value[key])]));
}

function at(event: any, path: string): unknown {
  return path.slice(2).split('.').reduce((found, key) => found?.[key], event);
}

/**
 * What a target is given, as EventBridge does it: a string in value position gets quotes and is not
 * escaped, within a string it is spliced, everything else is put in as JSON, and what is not there is
 * empty. A placeholder that is not in the map is an error of PutTargets.
 */
export function transform(transformer: any, event: any): string {
  const template = text(transformer.InputTemplate);
  return template.replace(/<([^>]*)>/g, (_whole, name, offset) => {
    const path = transformer.InputPathsMap[name];
    if (path === undefined) {
      throw new Error(`InputTemplate contains invalid placeholder <${name}>`);
    }
    const value = at(event, path) ?? '';
    const spliced = (template.slice(0, offset).replace(/\\./g, '').split('"').length - 1) % 2 === 1;
    if (spliced && typeof value === 'object') {
      throw new Error(`<${name}> is an object within a string`);
    }
    return typeof value !== 'string' ? JSON.stringify(value) : spliced ? value : `"${value}"`;
  });
}
