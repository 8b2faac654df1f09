import { expect, it } from 'vitest';
import { webUrl } from './web-url.ts';

it.each([
  ['https://plane.example/acme/issues/7', 'https://plane.example/acme/issues/7'],
  ['http://gitea.example:3000/o/r/issues/7', 'http://gitea.example:3000/o/r/issues/7'],
  ['javascript:alert(1)', null],
  [' java\nscript:alert(1)', null],
  ['data:text/html,<script>1</script>', null],
  ['file:///etc/passwd', null],
  ['/issues/7', null],
  ['', null],
  [null, null],
])('%j is the link %j', (address, link) => {
  expect(webUrl(address)).toBe(link);
});
